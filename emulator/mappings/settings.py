"""What a template may say of a mapping here. What is not played is refused as it is made, never skipped.

What AWS itself refuses of a mapping is in `emulator.limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_ALL = {"EventSourceArn", "FunctionName", "Enabled", "BatchSize", "FunctionResponseTypes", "Tags"}
_IN_ORDER = {
    "StartingPosition",
    "MaximumBatchingWindowInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "DestinationConfig",
    # what it asks for is counted by the service alone
    "MetricsConfig",
}
_KNOWN = {
    "kafka": _ALL
    | _IN_ORDER
    | {"Topics", "AmazonManagedKafkaEventSourceConfig", "ProvisionedPollerConfig", "StartingPositionTimestamp"},
    "dynamodb": _ALL | _IN_ORDER,
    "sqs": _ALL | {"FilterCriteria", "ScalingConfig", "MaximumBatchingWindowInSeconds"},
}
_INNER = {
    "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId"},
    "ProvisionedPollerConfig": {"MinimumPollers", "MaximumPollers", "PollerGroupName"},
    "DestinationConfig": {"OnFailure"},
}
_DESTINATIONS = ("s3", "sqs", "sns")


def source_kind(properties: dict[str, Any]) -> str:
    """The service that a mapping reads from: `kafka`, `dynamodb` or `sqs`.

    Raises:
        ValueError: a setting is not played here; the message names it.

    >>> source_kind({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q", "ParallelizationFactor": 2})
    Traceback (most recent call last):
    ...
    ValueError: a mapping of arn:aws:sqs:us-east-1:123456789012:q: ParallelizationFactor is not implemented here
    """
    source = str(properties.get("EventSourceArn", ""))
    kind = (source.split(":") + [""] * 3)[2]
    if kind not in _KNOWN:
        raise ValueError(f"a mapping of {source or 'no EventSourceArn'} is not implemented here")
    wrong = sorted(_not_played(kind, properties))
    if wrong:
        raise ValueError(
            f"a mapping of {source}: {', '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} not implemented here"
        )
    if (properties.get("StartingPosition") == "AT_TIMESTAMP") != ("StartingPositionTimestamp" in properties):
        raise ValueError(f"a mapping of {source}: StartingPosition AT_TIMESTAMP goes with StartingPositionTimestamp")
    return kind


def _not_played(kind: str, properties: dict[str, Any]) -> Iterator[str]:
    yield from properties.keys() - _KNOWN[kind]
    for name, known in _INNER.items():
        yield from (f"{name}.{inner}" for inner in (properties.get(name) or {}).keys() - known)
    for one in properties.get("FunctionResponseTypes") or []:
        if one != "ReportBatchItemFailures":
            yield f"FunctionResponseTypes {one}"
    if kind == "sqs":
        if int(properties.get("MaximumBatchingWindowInSeconds") or 0):
            yield "MaximumBatchingWindowInSeconds of a queue"
        return
    position = properties.get("StartingPosition", "TRIM_HORIZON")
    played = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP") if kind == "kafka" else ("TRIM_HORIZON", "LATEST")
    if position not in played:
        yield f"StartingPosition {position}"
    if kind == "kafka" and len(properties.get("Topics") or []) != 1:
        yield "Topics other than one"
    destination = destination_of(properties)
    if destination and destination.split(":")[2:3] not in [[one] for one in _DESTINATIONS]:
        yield f"DestinationConfig {destination}"


def destination_of(properties: dict[str, Any]) -> str:
    """Where what was given up goes; empty for nowhere."""
    return str(((properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or "")
