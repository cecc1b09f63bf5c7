"""Events out of files, in the form of GetEventPrediction: JSON, JSON lines, or CSV, with the fields of a transaction."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from fraud.card_numbers import holds_card_number
from fraud.detector import ENTITY_TYPE, EVENT_TYPE, event_id, event_variables, timestamp
from reading.errors import BadInputError

_NAMES = {"EVENT_ID": "transaction_id", "ENTITY_ID": "cc_num", "EVENT_TIMESTAMP": "event_time"}
"""The columns of a file for the service's batch predictions, and the fields of a transaction that they hold."""


class EventError(ValueError):
    """A row is no event: names the field, and what is allowed."""


def rows(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file's text: one object of JSON, one a line, or CSV with a header.

    Raises:
        BadInputError: it is none of these.
    """
    if not text.lstrip().startswith("{"):
        yield from csv.DictReader(io.StringIO(text))
        return
    try:
        whole = json.loads(text)
        yield from [whole] if isinstance(whole, dict) else []
        return
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInputError(f"{name}, line {number}: no JSON ({error}); needed: one object a line") from error
        yield row if isinstance(row, dict) else {}


def read(path: Path) -> str:
    """A file's text; raises BadInputError if it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read ({error}); needed: JSON, JSON lines or CSV in UTF-8") from error


def event(row: dict[str, Any], detector: str) -> dict[str, Any]:
    """A row as GetEventPrediction takes it.

    Raises:
        EventError: says what is wrong, never a card number.

    >>> row = {"transaction_id": "t1", "cc_num": "a" * 32, "event_time": "2026-01-02T03:04:05.678Z", "amount": "12.50"}
    >>> made = event(row, "card-fraud-dev")
    >>> made["eventTimestamp"], made["eventVariables"]
    ('2026-01-02T03:04:05Z', {'amount': '12.50'})
    """
    given = {_NAMES.get(str(name), str(name)): value for name, value in row.items()}
    for name in _NAMES.values():
        if not given.get(name):
            raise EventError(f"{name}: missing; allowed: a value")
    if any(holds_card_number(str(value)) for value in given.values()):
        raise EventError("a field holds a card number; allowed: the card's token as cc_num, and no other")
    try:
        at = datetime.fromisoformat(str(given["event_time"]).replace("Z", "+00:00"))
    except ValueError as error:
        raise EventError("event_time: no moment; allowed: as 2026-01-02T03:04:05Z") from error
    if at.tzinfo is None:
        raise EventError("event_time: without a zone; allowed: as 2026-01-02T03:04:05Z")
    variables = event_variables(given)
    if not variables:
        raise EventError("no variable; allowed: at least one, as amount")
    return {
        "detectorId": detector,
        "eventId": event_id(str(given["transaction_id"])),
        "eventTypeName": EVENT_TYPE,
        "entities": [{"entityType": ENTITY_TYPE, "entityId": str(given["cc_num"])}],
        "eventTimestamp": timestamp(at),
        "eventVariables": variables,
    }
