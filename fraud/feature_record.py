"""A transaction with its stream features, as the topic `features` carries it.

This door stands on the path of every payment, so it checks by hand what a pydantic model would take ten times as long for.
"""

from __future__ import annotations

import json
import re
from typing import Any

from fraud.card_numbers import holds_card_number
from fraud.clock import ALLOWED as MOMENTS
from fraud.clock import EARLIEST_MS, LATEST_MS
from fraud.features.catalogue import STREAM_FEATURES, names
from fraud.transaction import (
    ALLOWED,
    MAX_AMOUNT_CENTS,
    MAX_MESSAGE_BYTES,
    TOKEN_PATTERN,
    TRANSACTION_ID_PATTERN,
    InvalidTransactionError,
    shown,
)

STREAM_NAMES = names(STREAM_FEATURES)
FeatureRecord = dict[str, Any]
"""The parsed message; its fields named in `_check` are of their types, a missing feature is None."""

_LARGEST = 1e15
_TEXTS = (
    ("transaction_id", re.compile(TRANSACTION_ID_PATTERN).fullmatch),
    ("cc_num", re.compile(TOKEN_PATTERN).fullmatch),
)
_NO_CARD_NUMBER = ("transaction_id", "cc_num", "category", "merchant")
_WHOLE_NUMBERS = (("amount_cents", 0, MAX_AMOUNT_CENTS + 1), ("trans_time", EARLIEST_MS, LATEST_MS))
_ALLOWED = {
    **ALLOWED,
    "amount_cents": f"whole cents, 0 to {MAX_AMOUNT_CENTS}",
    "trans_time": MOMENTS,
    **dict.fromkeys(STREAM_NAMES, "a number, 0 to 1e15, or null for missing"),
}


def parse_feature_record(message: bytes) -> FeatureRecord:
    """The record in a message of the topic `features`. Unknown fields are kept.

    Raises:
        InvalidTransactionError: the first field that breaks the contract. Its text holds no card number.

    >>> parse_feature_record(b'{"transaction_id": "t1", "cc_num": "4111111111111111"}')
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: cc_num: [card number]; allowed: a card token: 32 hex characters \
(a bare card number is refused; see card_token)
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise InvalidTransactionError("message", f"{len(message)} bytes long", f"at most {MAX_MESSAGE_BYTES} bytes")
    try:
        record = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InvalidTransactionError("message", str(error), "one JSON object, UTF-8") from None
    if type(record) is not dict:
        raise InvalidTransactionError("message", f"a JSON {type(record).__name__}", "one JSON object")
    try:
        field = _check(record)
    except KeyError as error:
        field = str(error.args[0])
        raise InvalidTransactionError(field, "missing", _ALLOWED[field]) from None
    if field is not None:
        raise InvalidTransactionError(field, shown(field, record[field]), _ALLOWED[field])
    return record


def _check(record: FeatureRecord) -> str | None:
    """The first field whose value is wrong, or None. A missing field is a KeyError."""
    for name, matches in _TEXTS:
        if type(record[name]) is not str or not matches(record[name]):
            return name
    for name, start, end in _WHOLE_NUMBERS:
        if type(record[name]) is not int or not start <= record[name] < end:
            return name
    category = record["category"]
    if type(category) is not str or not 1 <= len(category) <= 100 or not category.strip():
        return "category"
    for name in _NO_CARD_NUMBER:
        value = record.get(name)
        if type(value) is str and holds_card_number(value):
            return name
    for name in STREAM_NAMES:
        value = record[name]
        # NaN and infinity fail the comparison too
        if value is not None and (type(value) not in (int, float) or not 0 <= value <= _LARGEST):
            return name
    return None
