"""What Glue tells others of: events on the default bus, and logs in the name of a role.

Shapes of the events: page *automating-awsglue-with-cloudwatch-events* and EventBridge's page *event-types*. Numbers in them are
text.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from emulator.account import REGION, arn
from emulator.clients import Clients
from emulator.protocol.service import Judge

Tell = Callable[[str, str, dict[str, Any]], None]
"""Puts an event of a service of AWS's on the default bus: (source, detail type, detail)."""
_MOST = 200_000
"""Characters of a log that are kept, in one call of at most 1 MB."""


def log_group(prefix: str, role: str, security: dict[str, Any] | None) -> str:
    """The group of a crawler's or a job's logs: page *API_JobRun* says what its name is where it is encrypted.

    >>> secure = {"Name": "own", "EncryptionConfiguration": {"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS"}}}
    >>> log_group("/aws-glue/jobs", "arn:aws:iam::123456789012:role/glue", secure), log_group("/aws-glue/jobs", "", None)
    ('/aws-glue/jobs-glue-own', '/aws-glue/jobs')
    """
    return f"{prefix}-{role.rsplit('/', 1)[-1]}-{(security or {}).get('Name')}" if _key(security) else prefix


def _key(security: dict[str, Any] | None) -> str:
    """The key of encrypted logs; empty if they are not."""
    wanted = (security or {}).get("EncryptionConfiguration", {}).get("CloudWatchEncryption") or {}
    return (wanted.get("KmsKeyArn") or "-") if wanted.get("CloudWatchEncryptionMode") == "SSE-KMS" else ""


class Log:
    """A stream of logs that a role writes: group and stream are made where they are not there.

    Args:
        taken_by: the ARN of what the role is taken for.
        security: the security configuration, whose key the logs are encrypted with.
    """

    def __init__(
        self, clients: Clients, judge: Judge, role: str, taken_by: str, place: tuple[str, str], security: Any
    ) -> None:
        self._clients, self._judge, self._role, self._taken_by = clients, judge, role, taken_by
        self.group, self.stream = place
        self._key = _key(security)

    def write(self, lines: Sequence[str]) -> None:
        """Writes lines.

        Raises:
            ServiceError, botocore.exceptions.ClientError: the role may not.
        """
        logs = self._clients.role("logs", self._role, self._taken_by)
        if self._key:
            # page *encryption-security-configuration*: the role has to be allowed it
            key = self._clients.open_session(self._role, self._taken_by)["AWS_ACCESS_KEY_ID"]
            self._judge(key, "logs:AssociateKmsKey", arn("logs", f"log-group:{self.group}"), None)
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=self.group)
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=self.group, logStreamName=self.stream)
        at = int(1000 * time.time())
        kept = "\n".join(lines)[-_MOST:].splitlines()
        events = [{"timestamp": at, "message": line} for line in kept if line.strip()]
        for first in range(0, len(events), 10_000):  # page *API_PutLogEvents*
            logs.put_log_events(
                logGroupName=self.group, logStreamName=self.stream, logEvents=events[first : first + 10_000]
            )

    @property
    def link(self) -> str:
        """Where it is looked at."""
        console = f"https://console.aws.amazon.com/cloudwatch/home?region={REGION}"
        return f"{console}#logEventViewer:group={self.group};stream={self.stream}"


def why(error: Exception) -> str:
    """A failure in the words of the service that refused."""
    return str(error.response["Error"]["Message"]) if isinstance(error, ClientError) else str(error)
