"""What services send to queues: only what queue and key let through; and which notifications a bucket may have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from emulator.account import ACCOUNT, REGION
from emulator.errors import ServiceError
from emulator.hosted.ministack.judging import note_denial
from emulator.hosted.ministack.names import iam_evaluator, kms, s3, sqs
from emulator.limits.table import LIMITS
from emulator.protocol.wire import service_model

_USES = ("kms:GenerateDataKey", "kms:Decrypt")
"""Page *sqs-key-management*: what a service does with the key of a queue that it sends to."""
_log = logging.getLogger(__name__)


def queue_trusts(queue_arn: str, service: str, sender_arn: str) -> bool:
    """Whether a queue's own policy, and its key's, let a service send to it for one of the account's resources."""
    return not _refused(queue_arn, service, sender_arn)


def _refused(queue_arn: str, service: str, sender_arn: str) -> str:
    """What a queue does not allow a service: an action; empty if it allows all."""
    principal = f"{service}.amazonaws.com"
    # the services themselves speak TLS, as policies ask of everyone
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    if not sqs.queue_policy_allows(queue_arn, principal, sender_arn, ACCOUNT):
        return "sqs:SendMessage"
    queue = sqs._queue_by_arn(queue_arn) or {}
    key = queue.get("attributes", {}).get("KmsMasterKeyId")
    if not key:
        return ""
    # the policy of a key of AWS's own cannot be changed, and names no service
    record = None if "alias/aws/" in key else kms._resolve_key(key)
    return next((use for use in _USES if not _key_allows(record, use, principal, sender_arn)), "")


def _key_allows(record: dict[str, Any] | None, action: str, principal: str, sender_arn: str) -> bool:
    if record is None:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=record["Arn"],
        region=REGION,
        service_context={"aws:sourcearn": sender_arn, "aws:sourceaccount": ACCOUNT},
    )
    decision = iam_evaluator.evaluate_resource_policy(record.get("Policy") or "", context, service=principal).decision
    return bool(decision == "Allow")


def notify_as_the_service() -> None:
    """Puts the service's own rules before a bucket's notifications.

    Page *notification-how-to-filtering*: no two configurations of one type of event may be for the same keys. A destination is
    refused unless its policy lets S3 send to it, as is what comes after the policy was changed.
    """
    validate, allows, deliver = (
        s3._validate_notification_configs,
        s3._notification_destination_allows,
        s3._deliver_event_to_sqs,
    )

    def validated(configs: list[dict[str, Any]], *rest: Any, **named: Any) -> Any:
        wrong = next(_wrong(configs), "")
        if wrong:
            return s3._invalid_notification_config(wrong)
        return validate(configs, *rest, **named)

    def allowed(kind: str, arn: str, bucket: str, owner: str) -> bool:
        if kind != "sqs":
            return bool(allows(kind, arn, bucket, owner))
        return _noted(arn, bucket)

    def delivered(arn: str, event: dict[str, Any], region: str, bucket_name: str = "") -> None:
        if _noted(arn, bucket_name):
            deliver(arn, event, region, bucket_name=bucket_name)

    s3._validate_notification_configs, s3._notification_destination_allows = validated, allowed
    s3._deliver_event_to_sqs = delivered


def _noted(queue_arn: str, bucket: str) -> bool:
    """Whether S3 may send to a queue for a bucket; what it may not is noted."""
    refused = _refused(queue_arn, "s3", f"arn:aws:s3:::{bucket}")
    if refused:
        _log.error(
            "s3.amazonaws.com, for the bucket %s, is not allowed %s by %s or its key", bucket, refused, queue_arn
        )
        note_denial("s3.amazonaws.com", refused, queue_arn)
    return not refused


def _wrong(configs: list[dict[str, Any]]) -> Iterator[str]:
    """What S3 says of configurations that it does not take."""
    try:
        LIMITS.check("s3:notifications", {"Configurations": configs})
    except ServiceError as error:
        yield error.message
    known = service_model("s3").shape_for("Event").enum
    for one in configs:
        for event in one["events"]:
            if event not in known:
                yield f"The event '{event}' is not supported for notifications"
        if one["arn"].endswith(".fifo"):  # page *notification-how-to-event-types-and-destinations*
            yield f"Unable to validate the following destination configurations: {one['arn']}: FIFO queues are not supported"
    for first, other in combinations(configs, 2):
        if _same_event(first, other) and _same_keys(first, other):
            yield "Configurations overlap. Configurations on the same bucket cannot share a common event type."


def _same_event(first: dict[str, Any], other: dict[str, Any]) -> bool:
    pairs = ((one.rstrip("*"), two.rstrip("*")) for one in first["events"] for two in other["events"])
    return any(one.startswith(two) or two.startswith(one) for one, two in pairs)


def _same_keys(first: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether there are keys that both filters let through: one's beginning begins with the other's, and so do their ends."""

    def both(part: str, fits: Callable[[str, str], bool]) -> bool:
        one, two = (given.get(part) or "" for given in (first, other))
        return fits(one, two) or fits(two, one)

    return both("filter_prefix", str.startswith) and both("filter_suffix", str.endswith)
