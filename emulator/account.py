"""The emulated account: its number and region, and its services' settings.

The settings are MiniStack's own, documented ones. It reads them from the environment when it is imported, so they come first.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-east-1"


def set_up(folder: Path, port: int, admin_key: str, admin_secret: str) -> None:
    """MiniStack's settings, into this process's environment.

    Args:
        folder: temporary files go there.
        port: of the loopback address.
        admin_key, admin_secret: the account's root, whom no policy judges.
    """
    os.environ |= {
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ACCESS_KEY_ID": admin_key,
        "AWS_SECRET_ACCESS_KEY": admin_secret,
        "AWS_DEFAULT_REGION": REGION,
        # what tokens of user pools are signed with
        "STATE_DIR": str(folder / "state"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # what state machines wait for happens within seconds here, so they look ten times as often
        "SFN_WAIT_SCALE": "0.1",
    }
    os.environ.pop("AWS_SESSION_TOKEN", None)
    tempfile.tempdir = str(folder)


def arn(service: str, resource: str) -> str:
    """The name of something in the account.

    >>> arn("sagemaker", "endpoint/main")
    'arn:aws:sagemaker:us-east-1:123456789012:endpoint/main'
    """
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"
