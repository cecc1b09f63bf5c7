"""A transaction with its stream features, as the topic `features` carries it.

This door stands on the path of every payment, so it checks by hand what a pydantic model would take ten times as long for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from fraud.card_numbers import holds_card_number
from fraud.clock import ALLOWED as MOMENTS
from fraud.clock import EARLIEST_MS, LATEST_MS
from fraud.features.catalogue import CATALOGUE, LARGEST, STREAM_FEATURES, names
from fraud.fields import BY_NAME, OPTIONAL_FEATURES
from fraud.transaction import (
    ALLOWED,
    EVENT_TIME_PATTERN,
    MAX_AMOUNT_CENTS,
    MAX_MESSAGE_BYTES,
    TOKEN_PATTERN,
    TRANSACTION_ID_PATTERN,
    InvalidTransactionError,
    field_value,
    shown,
)

STREAM_NAMES = names(STREAM_FEATURES)
KEY_FIELDS = tuple(BY_NAME[name] for name in CATALOGUE.habit_columns if name != "category")
"""The fields besides the category that nightly habits are looked up by."""

_TEXTS = (
    ("transaction_id", re.compile(TRANSACTION_ID_PATTERN).fullmatch),
    ("cc_num", re.compile(TOKEN_PATTERN).fullmatch),
)
_EVENT_TIME = re.compile(EVENT_TIME_PATTERN)
_NO_CARD_NUMBER = ("transaction_id", "cc_num", "category", "merchant")
_WHOLE_NUMBERS = (("amount_cents", 0, MAX_AMOUNT_CENTS + 1), ("trans_time", EARLIEST_MS, LATEST_MS))
_ALLOWED = {
    **ALLOWED,
    "amount_cents": f"whole cents, 0 to {MAX_AMOUNT_CENTS}",
    "trans_time": MOMENTS,
    **dict.fromkeys(STREAM_NAMES, "a number, 0 to 1e15, or null for missing"),
}


class FeatureRecord(NamedTuple):
    """A message of the topic.

    Attributes:
        transaction_id, cc_num, category: as the transaction has them.
        amount_cents: the amount in whole cents.
        trans_time: the clock, milliseconds since 1970 in UTC.
        event_time: when it happened, as its producer states it, in the contract's form; None if that is not known.
        fields: {name: value} of the optional fields that a model takes and the transaction has; a flag is 1 or 0.
        features: {name: value} of STREAM_FEATURES; None is missing. Empty of a transaction that the stream gave none for.
        keys: {name: value} of KEY_FIELDS, those that the transaction has.
    """

    transaction_id: str
    cc_num: str
    category: str
    amount_cents: int
    trans_time: int
    event_time: str | None
    fields: Mapping[str, str | float]
    features: Mapping[str, float | None]
    keys: Mapping[str, str] = MappingProxyType({})


def parse_feature_record(message: bytes) -> FeatureRecord:
    """The record in a message of the topic `features`.

    A feature that the message does not hold is missing, and a field that is not known here is skipped: the stream job and its
    readers are never of one release at one instant.

    Raises:
        InvalidTransactionError: the first invalid field. Its text holds no card number.

    >>> parse_feature_record(b'{"transaction_id": "t1", "cc_num": "4111111111111111"}')
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: cc_num: [card number]; allowed: a card token: 32 hex characters \
(a bare card number is refused; see card_token)
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise InvalidTransactionError("message", f"{len(message)} bytes long", f"at most {MAX_MESSAGE_BYTES} bytes")
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InvalidTransactionError("message", str(error), "one JSON object, UTF-8") from None
    if type(fields) is not dict:
        raise InvalidTransactionError("message", f"a JSON {type(fields).__name__}", "one JSON object")
    wrong = _wrong_field(fields)
    if wrong is not None:
        problem = shown(wrong, fields[wrong]) if wrong in fields else "missing"
        raise InvalidTransactionError(wrong, problem, _ALLOWED[wrong])
    event_time = fields.get("event_time")
    return FeatureRecord(
        fields["transaction_id"],
        fields["cc_num"],
        fields["category"],
        fields["amount_cents"],
        fields["trans_time"],
        event_time if type(event_time) is str and _EVENT_TIME.fullmatch(event_time) else None,
        model_fields(fields),
        {name: fields.get(name) for name in STREAM_NAMES},
        {field.name: fields[field.name] for field in KEY_FIELDS if fields.get(field.name) is not None},
    )


def model_fields(values: Mapping[str, Any]) -> dict[str, str | float]:
    """Those of a transaction's fields that a model takes as they are and that may be missing, but are not.

    >>> model_fields({"currency": "EUR", "device_id": "d1", "mcc": None})
    {'currency': 'EUR'}
    """
    found = {field.name: values[field.name] for field in OPTIONAL_FEATURES if values.get(field.name) is not None}
    return {name: float(value) if isinstance(value, bool) else value for name, value in found.items()}


def _wrong_field(fields: dict[str, Any]) -> str | None:
    """The first field whose value is wrong or missing, or None."""
    for name, matches in _TEXTS:
        value = fields.get(name)
        if type(value) is not str or not matches(value):
            return name
    for name, start, end in _WHOLE_NUMBERS:
        value = fields.get(name)
        if type(value) is not int or not start <= value < end:
            return name
    category = fields.get("category")
    if type(category) is not str or not 1 <= len(category) <= 100 or not category.strip():
        return "category"
    for name in _NO_CARD_NUMBER:
        value = fields.get(name)
        if type(value) is str and holds_card_number(value):
            return name
    return _wrong_optional_field(fields) or _wrong_feature(fields)


def _wrong_optional_field(fields: dict[str, Any]) -> str | None:
    for field in (*OPTIONAL_FEATURES, *KEY_FIELDS):
        if fields.get(field.name) is not None:
            try:
                field_value(field, fields[field.name])
            except ValueError:
                return field.name
    return None


def _wrong_feature(fields: dict[str, Any]) -> str | None:
    for name in STREAM_NAMES:
        value = fields.get(name)
        # NaN and infinity fail the comparison too
        if value is not None and (type(value) not in (int, float) or not 0 <= value <= LARGEST):
            return name
    return None
