"""The changes of the table `decisions`, as its stream brings them: `tests/events/dynamodb_stream.json` is such an event."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NamedTuple

from fraud.clock import moment
from fraud.columns import DECISION_COLUMNS, DECISION_JSON
from fraud.decision import Decision
from fraud.transaction import InvalidTransactionError
from lambda_src.kafka_event import UNKNOWN, KafkaRecord
from lambda_src.ports.dynamodb_items import MalformedItemError, text

KINDS = ("INSERT", "MODIFY", "REMOVE")
MOMENTS = tuple(column.name for column in DECISION_COLUMNS if column.kind == "moment")

_NUMBER = re.compile(r"[0-9]{1,40}")
_LATEST_S = 1e12


class Change(NamedTuple):
    """One change that could be read: its name in the stream, and the decision that was added."""

    name: str
    decision: Decision


def added(record: object) -> Change | None:
    """The decision that a change has added; None if it has added none.

    Args:
        record: one of the event's `Records`.

    Raises:
        InvalidTransactionError: it cannot be read.

    >>> added({"eventName": "REMOVE"}) is None
    True
    >>> added({"eventName": "INSERT", "dynamodb": {"NewImage": {"decision": {"S": "[]"}}}})
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: decision: a JSON list; allowed: one JSON object
    """
    kind = record.get("eventName") if isinstance(record, dict) else None
    if kind not in KINDS:
        raise InvalidTransactionError("eventName", "unknown or missing", ", ".join(KINDS))
    if kind != "INSERT":
        return None
    image = _object(_change(record), "NewImage")
    try:
        whole = text(image, DECISION_JSON)
    except MalformedItemError as error:
        raise InvalidTransactionError(DECISION_JSON, str(error), "a decision as JSON, as it was recorded") from error
    decision = Decision.from_json(whole)
    for field in MOMENTS:
        value = getattr(decision, field)
        if value is not None:
            moment(value, field)
    return Change(_sequence_number(record) or hashlib.sha256(whole.encode()).hexdigest()[:32], decision)


def source(record: object) -> KafkaRecord:
    """A change as the quarantine keeps it: a record of the stream `decisions`, at its sequence number."""
    number = _sequence_number(record)
    made = _change(record).get("ApproximateCreationDateTime")
    moment_ms = int(made * 1000) if isinstance(made, int | float) and abs(made) < _LATEST_S else None
    content = json.dumps(record, default=str).encode()
    return KafkaRecord("decisions", 0, UNKNOWN if number is None else int(number), moment_ms, content)


def _change(record: object) -> dict[str, Any]:
    return _object(record if isinstance(record, dict) else {}, "dynamodb")


def _object(fields: dict[str, object], name: str) -> dict[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def _sequence_number(record: object) -> str | None:
    number = _change(record).get("SequenceNumber")
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else None
