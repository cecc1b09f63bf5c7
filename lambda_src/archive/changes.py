"""The changes of the table `decisions`, as its stream brings them: `tests/events/dynamodb_stream.json` is such an event."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NamedTuple

from fraud.clock import moment
from fraud.decision import Decision
from fraud.transaction import InvalidTransactionError
from lambda_src.kafka_event import UNKNOWN, KafkaRecord

KINDS = ("INSERT", "MODIFY", "REMOVE")
_NUMBER = re.compile(r"[0-9]{1,40}")
_MALFORMED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


class Change(NamedTuple):
    """One change that could be read: its name in the stream, and the decision that was added."""

    name: str
    decision: Decision


def added(told: Any) -> Change | None:
    """The decision that a change has added; None if it has added none.

    Raises:
        InvalidTransactionError: it cannot be read.

    >>> added({"eventName": "REMOVE"}) is None
    True
    >>> added({"eventName": "INSERT", "dynamodb": {"NewImage": {"decision": {"S": "[]"}}}})
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: decision: KeyError; allowed: a decision as JSON, as it was recorded
    """
    kind = told.get("eventName") if isinstance(told, dict) else None
    if kind not in KINDS:
        raise InvalidTransactionError("eventName", "unknown or missing", ", ".join(KINDS))
    if kind != "INSERT":
        return None
    try:
        change = told["dynamodb"]
        text = change["NewImage"]["decision"]["S"]
        decision = Decision.from_json(text)
    except _MALFORMED as error:
        allowed = "a decision as JSON, as it was recorded"
        raise InvalidTransactionError("decision", type(error).__name__, allowed) from error
    for field in ("trans_time", "decided_at"):
        moment(getattr(decision, field), field)
    if decision.nightly_cut is not None:
        moment(decision.nightly_cut, "nightly_cut")
    number = change.get("SequenceNumber")
    known = isinstance(number, str) and _NUMBER.fullmatch(number)
    return Change(number if known else hashlib.sha256(text.encode()).hexdigest()[:32], decision)


def source(told: Any) -> KafkaRecord:
    """A change as the quarantine keeps it: a record of the stream `decisions`, at its sequence number."""
    change = told.get("dynamodb") if isinstance(told, dict) else None
    number = change.get("SequenceNumber") if isinstance(change, dict) else None
    known = isinstance(number, str) and _NUMBER.fullmatch(number)
    made = change.get("ApproximateCreationDateTime") if isinstance(change, dict) else None
    moment_ms = int(made * 1000) if isinstance(made, int | float) and abs(made) < 1e12 else None
    content = json.dumps(told, default=str).encode()
    return KafkaRecord("decisions", 0, int(number) if known else UNKNOWN, moment_ms, content)
