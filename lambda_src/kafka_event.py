"""The event of a Kafka event source mapping, and the answer that says which of its records are to come again.

`tests/events/msk.json` is such an event. The answer names a record as `{"partition": "TOPIC-PARTITION", "offset": N}`; the poller
goes on from the lowest offset named in each partition, and holds an empty list for a batch that is done. Only provisioned pollers
read the answer: for others a batch of which a record failed must fail as a whole, or the record is lost.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

PartialFailures = dict[str, list[dict[str, Any]]]
"""The answer: {"batchItemFailures": [{"itemIdentifier": ...}, ...]}."""


class WholeBatchFailedError(Exception):
    """No record could be processed, or nobody reads which: the invocation must count as failed, so that the batch comes again."""


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


def partial_failures(
    records: Sequence[KafkaRecord], failed: Collection[KafkaRecord], *, partial: bool
) -> PartialFailures:
    """The answer to an event.

    Args:
        records: those that were to be processed.
        failed: those of them that are to come again.
        partial: whether the mapping reads the answer.

    Raises:
        WholeBatchFailedError: all are to come again, or some, and the mapping does not read which.
    """
    if failed and (not partial or len(failed) == len(records)):
        raise WholeBatchFailedError(f"{len(failed)} of {len(records)} records failed; the errors are logged above")
    identifiers = [{"partition": f"{record.topic}-{record.partition}", "offset": record.offset} for record in failed]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}
