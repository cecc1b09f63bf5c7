"""AWS's own command line on the emulated AWS: the variables that a shell needs for it, and a plugin that the variables name.

AWS_ENDPOINT_URL alone is not enough for version 1 of the command line: for some services, SQS among them, it has the addresses of
the real ones built in, and only `--endpoint-url` comes before those (aws/aws-cli, issue 8737). The configuration file that
AWS_CONFIG_FILE names has this module as a plugin, which gives the variable as that option. Version 2 takes the variable as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIGURATION = """\
[default]
region = {region}
endpoint_url = {endpoint}
[plugins]
emulator = emulator.command_line
"""


def variables(endpoint: str, region: str, credentials: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables that a shell needs, and no others; the configuration file that they name is written.

    Args:
        endpoint: the address of the emulated AWS.
        credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
        folder: where the file goes.

    >>> import tempfile
    >>> given = variables("http://127.0.0.1:4566", "us-east-1", {}, Path(tempfile.mkdtemp()))
    >>> sorted(given)
    ['AWS_CONFIG_FILE', 'AWS_DEFAULT_REGION', 'AWS_ENDPOINT_URL']
    """
    file = folder / "aws-config"
    file.write_text(CONFIGURATION.format(region=region, endpoint=endpoint))
    return {
        **credentials,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": str(file),
    }


def awscli_initialize(cli: Any) -> None:
    """What the command line calls of a plugin."""
    cli.register("top-level-args-parsed", _give_endpoint)


def _give_endpoint(parsed_args: Any, **_: Any) -> None:
    if parsed_args.endpoint_url is None:
        parsed_args.endpoint_url = os.environ.get("AWS_ENDPOINT_URL")
