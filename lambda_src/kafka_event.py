"""The event of a Kafka event source mapping, and the answer that says which of its records are to come again.

`tests/events/msk.json` is such an event. The answer names a record as `{"partition": "TOPIC-PARTITION", "offset": N}`; the poller
goes on from the lowest offset named in each partition, and holds an empty list for a batch that is done.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

PartialFailures = dict[str, list[dict[str, Any]]]
"""The answer: {"batchItemFailures": [{"itemIdentifier": ...}, ...]}."""


class WholeBatchFailedError(Exception):
    """No record could be worked off: the invocation must count as failed, for the retries, the alarms and the metrics."""


class KafkaRecord(NamedTuple):
    """One record.

    Attributes:
        topic, partition, offset: where it is.
        timestamp: its clock, milliseconds since 1970 in UTC.
        value: None for a record without one.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None


def kafka_records(event: dict[str, Any]) -> list[KafkaRecord]:
    """All records of an event, each partition's in its order.

    >>> kafka_records({"records": {"features-0": [
    ...     {"topic": "features", "partition": 0, "offset": 7, "timestamp": 5, "value": "e30="}]}})
    [KafkaRecord(topic='features', partition=0, offset=7, timestamp=5, value=b'{}')]
    """
    return [
        KafkaRecord(
            record["topic"],
            record["partition"],
            record["offset"],
            record["timestamp"],
            None if record.get("value") is None else b64decode(record["value"]),
        )
        for records in event["records"].values()
        for record in records
    ]


def partial_failures(records: Sequence[KafkaRecord], failed: Collection[KafkaRecord]) -> PartialFailures:
    """The answer to an event.

    Args:
        records: those that were to be worked off.
        failed: those of them that are to come again.

    Raises:
        WholeBatchFailedError: that is all of them.
    """
    if records and len(failed) == len(records):
        raise WholeBatchFailedError(f"none of {len(records)} records could be worked off; the errors are logged above")
    identifiers = [{"partition": f"{record.topic}-{record.partition}", "offset": record.offset} for record in failed]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
