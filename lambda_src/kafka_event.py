"""The event of a Kafka event source mapping, and the answer that says which of its records are to be delivered again.

`tests/events/msk.json` is such an event. The answer names a record as `{"partition": "TOPIC-PARTITION", "offset": N}`; the poller
goes on from the lowest offset named in each partition, and holds an empty list for a batch that is done. Only provisioned pollers
read the answer: for others a batch of which a record failed must fail as a whole, or the record is lost.


A producer can write any bytes, key, headers and time into a topic: nothing of a record is believed before it was looked at, and
reading an event raises for no record.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from fraud.card_numbers import holds_card_number
from fraud.transaction import TRANSACTION_ID_PATTERN, InvalidTransactionError, is_heartbeat
from lambda_src.telemetry import Event

PartialFailures = dict[str, list[dict[str, object]]]
"""The answer: {"batchItemFailures": [{"itemIdentifier": ...}, ...]}."""

UNKNOWN = -1
"""A partition or an offset that the event does not say: Kafka's begin with 0."""

_TRANSACTION_ID = re.compile(TRANSACTION_ID_PATTERN)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class WholeBatchFailedError(Exception):
    """No record could be processed, or nobody reads which failed, or one that failed cannot be named: the invocation must count
    as failed, for the retries, the alarms and the metrics."""


class KafkaRecord(NamedTuple):
    """One record.

    Attributes:
        topic, partition, offset: where it is.
        timestamp: its clock, as the event has it; `fraud.clock.moment` says whether that can be.
        value: None for a record without one. What could not be read is here as it came.
        unreadable: why the value could not be read.
    """

    topic: str
    partition: int
    offset: int
    timestamp: object
    value: bytes | None
    unreadable: InvalidTransactionError | None = None

    def message(self) -> bytes:
        """The value; empty if there is none. Raises InvalidTransactionError: it could not be read."""
        if self.unreadable is not None:
            raise self.unreadable
        return self.value or b""


def kafka_records(event: Event) -> list[KafkaRecord]:
    """All records of an event, each partition's in its order.

    >>> kafka_records({"records": {"features-0": [
    ...     {"topic": "features", "partition": 0, "offset": 7, "timestamp": 5, "value": "e30="}]}})
    [KafkaRecord(topic='features', partition=0, offset=7, timestamp=5, value=b'{}', unreadable=None)]
    """
    return [_record(place, each) for place, records in event["records"].items() for each in records or ()]


def payments(event: Event) -> list[KafkaRecord]:
    """The records of an event without the stream job's heartbeats, which are skipped everywhere."""
    return [record for record in kafka_records(event) if record.unreadable or not is_heartbeat(record.value)]


def _record(place: str, given: object) -> KafkaRecord:
    topic, _, partition = place.rpartition("-")
    fields = given if isinstance(given, dict) else {}
    value, unreadable = _value(fields.get("value")) if fields is given else (None, _not_of(given, "a record"))
    stated = fields.get("topic")
    return KafkaRecord(
        stated if isinstance(stated, str) and _TOPIC.fullmatch(stated) else _topic_of(topic),
        _number(
            fields.get("partition"), otherwise=int(partition) if re.fullmatch("[0-9]{1,9}", partition) else UNKNOWN
        ),
        _number(fields.get("offset"), otherwise=UNKNOWN),
        fields.get("timestamp"),
        value,
        unreadable,
    )


def _topic_of(place: str) -> str:
    return place if _TOPIC.fullmatch(place) else "unknown"


def _number(value: object, *, otherwise: int) -> int:
    return value if type(value) is int and value >= 0 else otherwise


def _value(text: object) -> tuple[bytes | None, InvalidTransactionError | None]:
    if text is None:
        return None, None
    if not isinstance(text, str):
        return None, _not_of(text, "text, base64")
    try:
        return b64decode(text, validate=True), None
    except ValueError:
        problem = InvalidTransactionError("message", f"{len(text)} characters that are not base64", "text, base64")
        return text.encode(errors="replace"), problem


def _not_of(given: object, allowed: str) -> InvalidTransactionError:
    return InvalidTransactionError("message", f"a JSON {type(given).__name__} in the event", allowed)


def partial_failures(
    records: Sequence[KafkaRecord], failed: Collection[KafkaRecord], *, partial: bool
) -> PartialFailures:
    """The answer to an event.

    Args:
        records: those that were to be processed.
        failed: those of them that are to be delivered again.
        partial: whether the mapping reads the answer.

    Raises:
        WholeBatchFailedError: all are to be, or some, and the mapping does not read which, or one of them has no place by
            which it could be asked for.
    """
    if failed and (not partial or len(failed) == len(records)):
        raise WholeBatchFailedError(f"{len(failed)} of {len(records)} records failed; the errors are logged above")
    if any(UNKNOWN in (record.partition, record.offset) for record in failed):
        raise WholeBatchFailedError(
            "a record without partition or offset failed, so the whole batch must be delivered again"
        )
    identifiers = [{"partition": f"{record.topic}-{record.partition}", "offset": record.offset} for record in failed]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def by_partition(records: Sequence[KafkaRecord]) -> Iterator[tuple[str, list[KafkaRecord]]]:
    """Records by where they are: (TOPIC-PARTITION, those of it in their order)."""
    places: dict[str, list[KafkaRecord]] = {}
    for record in records:
        places.setdefault(f"{record.topic}-{record.partition}", []).append(record)
    yield from places.items()


def log_fields(records: Iterable[KafkaRecord]) -> dict[str, object]:
    """What a log line says of records: how many, their transactions' ids, and where those are whose id cannot be read.

    >>> log_fields([KafkaRecord("features", 0, 7, 5, b'{"transaction_id": "t1"}'), KafkaRecord("features", 0, 8, 5, b"{")])
    {'records': 2, 'transaction_ids': ['t1'], 'without_id': ['features-0@8']}
    """
    ids, without = [], []
    for record in records:
        known = _transaction_id(record.value or b"")
        if known is None:
            without.append(f"{record.topic}-{record.partition}@{record.offset}")
        else:
            ids.append(known)
    return {"records": len(ids) + len(without), "transaction_ids": ids, "without_id": without}


def _transaction_id(message: bytes) -> str | None:
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError):
        return None
    known = fields.get("transaction_id") if isinstance(fields, dict) else None
    valid = isinstance(known, str) and _TRANSACTION_ID.fullmatch(known) and not holds_card_number(known)
    return known if valid else None
