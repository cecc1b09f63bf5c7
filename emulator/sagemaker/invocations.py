"""InvokeEndpoint: a request at a fleet's model, what a caller gets of its answer, and what is counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import urllib3

from emulator.account import ACCOUNT, arn
from emulator.errors import ServiceError
from emulator.sagemaker.fleets import Fleet
from emulator.sagemaker.measures import CloudWatch, measure

MAX_BYTES = 6_291_456
"""Page API_runtime_InvokeEndpoint: the body of a request, and that of an answer, at most."""
NO_ANSWER = "Your invocation timed out while waiting for a response from container primary."

_log = logging.getLogger(__name__)


class Invocations:
    """Asks models.

    Args:
        cloudwatch: counts their answers.
    """

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=60)

    def measuring(self, endpoint: str, config: str, variant: str) -> Callable[[int, float], None]:
        """Counts an answer of a variant's: its status (0: none came) and seconds."""
        return partial(measure, self._cloudwatch, endpoint, config, variant)

    def answer(self, endpoint: str, fleet: Fleet, body: bytes, content_type: str, accept: str) -> dict[str, Any]:
        """The members of InvokeEndpoint's answer.

        Raises:
            ServiceError: the request is too long, or the model answered anything but 200.
        """
        if len(body) > MAX_BYTES:
            raise ServiceError("ValidationError", f"a body of {len(body)} bytes; allowed: at most {MAX_BYTES}")
        headers = {"Content-Type": content_type, "Accept": accept}
        if fleet.shadow:
            fleet.shadow.mirror(body, headers)
        count = self.measuring(endpoint, fleet.config, fleet.serving.variant)
        since = time.monotonic()
        try:
            answer = self._pool.request("POST", f"{fleet.serving.url}/invocations", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            _log.warning("endpoint %s: no answer: %s", endpoint, error)
            count(0, time.monotonic() - since)
            raise _model_error(endpoint, 0, NO_ANSWER) from error
        too_long = len(answer.data) > MAX_BYTES
        count(0 if too_long else answer.status, time.monotonic() - since)
        if answer.status != 200:
            raise _model_error(endpoint, answer.status, answer.data.decode(errors="replace"))
        if too_long:
            raise _model_error(endpoint, 0, f"an answer of {len(answer.data)} bytes; allowed: at most {MAX_BYTES}")
        answered_type = answer.headers.get("Content-Type", "")
        if fleet.capture:
            fleet.capture.keep(body, content_type, answer.data, answered_type)
        return {
            "Body": answer.data,
            "ContentType": answered_type,
            "InvokedProductionVariant": fleet.serving.variant,
        }


def _model_error(endpoint: str, status: int, said: str) -> ServiceError:
    """What a caller gets for whatever the container answered but 200."""
    whose = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return ServiceError(
        "ModelError",
        f'Received {whose} error ({status}) from primary with message "{said[:1000]}". '
        f"See the log group {group} in account {ACCOUNT} for more information.",
        424,
        OriginalStatusCode=status,
        OriginalMessage=said[:1000],
        LogStreamArn=arn("logs", f"log-group:{group}"),
    )
