"""CloudFormation's custom resources: a function that does what a template asks, and the answer CloudFormation waits for."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import urllib3

from lambda_src.telemetry import LambdaContext, logger, with_request

Request = dict[str, Any]
Handler = Callable[[Request, LambdaContext], None]
Work = Callable[[Request, LambdaContext], dict[str, str]]
"""Does what a request asks and gives the resource's attributes. What it raises fails the deployment, with its text."""

NOT_MADE = "not-made"
"""The physical id of a resource that was to be named after its attributes and has none."""
ANSWER_WITHIN_S = 20
ANSWER_BYTES_LIMIT = 4_096
"""Page crpg-ref-responses, "the total size of the response body can't exceed 4096 bytes". A reason gets half."""


def custom_resource(physical_id: str | Callable[[dict[str, str]], str]) -> Callable[[Work], Handler]:
    """Makes a handler of a custom resource, whose answer goes to the request's pre-signed address.

    Args:
        physical_id: always the same, or what makes it of the attributes, which an update keeps: so none replaces the resource.
    """

    def handler_of(work: Work) -> Handler:
        @with_request
        @wraps(work)
        def handler(request: Request, context: LambdaContext) -> None:
            logger.info("processing", extra={"kind": request["RequestType"], "resource": request["LogicalResourceId"]})
            made = request.get("PhysicalResourceId", physical_id if isinstance(physical_id, str) else NOT_MADE)
            try:
                attributes = work(request, context)
                if callable(physical_id):
                    made = physical_id(attributes)
                answer: dict[str, object] = {"Status": "SUCCESS", "Data": attributes}
            except Exception as error:  # noqa: BLE001 - it goes to the one who waits
                # unanswered, CloudFormation would wait for an hour
                logger.exception("the request failed")
                answer = {"Status": "FAILED", "Reason": _reason(error)}
            _send(request, answer | {"PhysicalResourceId": made})

        return handler

    return handler_of


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    while len(json.dumps(text)) > ANSWER_BYTES_LIMIT // 2:
        text = text[: len(text) * 3 // 4]
    return text


def _send(request: Request, answer: dict[str, object]) -> None:
    body = answer | {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    sent = urllib3.PoolManager().request(
        "PUT",
        request["ResponseURL"],
        body=json.dumps(body).encode(),
        # the address is signed for no content type
        headers={"Content-Type": ""},
        timeout=ANSWER_WITHIN_S,
        retries=urllib3.Retry(3, backoff_factor=1),
    )
    if sent.status >= 300:
        raise RuntimeError(f"CloudFormation refused the answer: HTTP {sent.status}")
