"""The contract of a label: what someone has said, at some moment, about one transaction: fraud or not.

A label is an event, never a state: a later one corrects an earlier one, and both stay. It says when it became known, and whatever
is computed from labels takes those alone that were known by its cut. The same label again is the same label. Which transaction it
is about, nobody looks up to take it: it may come before its transaction, or about one that is not known here at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from fraud.card_numbers import mask_card_numbers
from fraud.durations import MS_PER_HOUR
from fraud.transaction import (
    ALLOWED,
    TEXT_SAYS,
    InvalidTransactionError,
    Moment,
    Name,
    TransactionId,
    first_problem,
    format_event_time,
    parse_json,
)

Source = Literal["analyst", "chargeback", "dispute", "import"]
"""Where a label comes from: a person who looked at it, the card's issuer, the card's holder, or a file of labels of before."""
SOURCES: tuple[Source, ...] = get_args(Source)
FIELDS = ("transaction_id", "is_fraud", "source", "reported_by", "known_at")

_ALLOWED = {
    "transaction_id": ALLOWED["transaction_id"],
    "is_fraud": "true (fraud) or false (legitimate)",
    "source": ", ".join(SOURCES),
    "reported_by": f"who or what said it: {TEXT_SAYS}",
    "known_at": ALLOWED["event_time"],
}
_ONLY = f"only {', '.join(FIELDS)}"

_EPOCH = datetime.fromtimestamp(0, timezone.utc)

Order: TypeAlias = tuple[datetime, str, str, bool]


class Label(BaseModel):
    """One label. Two of the same values are one label.

    Attributes:
        transaction_id: the transaction that it is about.
        is_fraud: fraud, or legitimate.
        source: where it comes from.
        reported_by: who or what said it.
        known_at: when it became known, UTC, whole milliseconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    transaction_id: TransactionId
    is_fraud: bool
    source: Source
    reported_by: Name
    known_at: Moment

    @property
    def order(self) -> Order:
        """What labels of one transaction are ordered by: the greatest is the newest. Those of the same moment have an order, too,
        that of their words: whatever comes first, the same one counts."""
        return self.known_at, self.source, self.reported_by, self.is_fraud

    @property
    def known_ms(self) -> int:
        """When it became known, milliseconds since 1970 in UTC."""
        return (self.known_at - _EPOCH) // timedelta(milliseconds=1)

    def to_json(self) -> str:
        """The label in its wire form; `parse_label` reads it.

        >>> label = as_label({"transaction_id": "t1", "is_fraud": True, "source": "chargeback", "reported_by": "issuer 7",
        ...     "known_at": "2026-11-28T09:00:00.000Z"})
        >>> parse_label(label.to_json().encode()) == label
        True
        """
        fields = self.model_dump() | {"known_at": format_event_time(self.known_at)}
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def as_label(fields: dict[str, Any]) -> Label:
    """The label in parsed fields.

    Raises:
        InvalidTransactionError: the first invalid field. Its text holds no card number.

    >>> as_label({"transaction_id": "t1", "is_fraud": "yes"})
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: is_fraud: 'yes'; allowed: true (fraud) or false (legitimate)
    """
    for name in fields:
        if name not in FIELDS:
            shown = mask_card_numbers(str(name))[:60]
            raise InvalidTransactionError("message", f"a field {shown!r}, which no label has", _ONLY)
    try:
        return Label.model_validate(fields)
    except ValidationError as error:
        raise first_problem(error, _ALLOWED) from None


def parse_label(message: bytes) -> Label:
    """The label in its wire form; raises as `as_label` does, and if the message is too long or no JSON object."""
    return as_label(parse_json(message, FIELDS))


def known_as_of(labels: Iterable[Label], cut: datetime) -> Label | None:
    """The label that counts: of those known by the cut the newest; None if none was.

    Args:
        labels: of one transaction, in any order, each however often.
        cut: one that became known at this very moment counts.
    """
    return max((label for label in labels if label.known_at <= cut), key=lambda label: label.order, default=None)


def check_known(label: Label, now_ms: int) -> Label:
    """The label, if it can have become known: not later than an hour from now, for clocks differ.

    Args:
        now_ms: milliseconds since 1970 in UTC.

    Raises:
        InvalidTransactionError: it is of the future: its time zone is another than UTC, or a clock is wrong.
    """
    if label.known_ms > now_ms + MS_PER_HOUR:
        raise InvalidTransactionError("known_at", "in the future", "a moment that has been, UTC")
    return label
