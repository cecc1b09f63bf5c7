"""The clock: a record's own time, which all features are computed by, in milliseconds since 1970 in UTC.

A producer that stamps in another unit puts a payment into another century, so what is outside the years of the contract is
refused, never computed with.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TypeGuard

from fraud.transaction import InvalidTransactionError

EARLIEST_MS = 946_684_800_000
"""2000-01-01: no transaction is earlier."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01: every transaction is earlier."""
ALLOWED = f"whole milliseconds since 1970 in UTC, of the years 2000 to 2099: {EARLIEST_MS} to {LATEST_MS - 1}"
UNDATED = "undated"

_UNITS = (("microseconds", 1, 1_000), ("nanoseconds", 1, 1_000_000), ("seconds", 1_000, 1))


def is_moment(value: object) -> TypeGuard[int]:
    """Whether a value is a moment of the clock.

    >>> [is_moment(value) for value in (1_767_225_600_000, 1_767_225_600_000_000, -1, None, True, 1e12)]
    [True, False, False, False, False, False]
    """
    return type(value) is int and EARLIEST_MS <= value < LATEST_MS


def moment(value: object, field: str = "timestamp") -> int:
    """The value, if it is a moment of the clock.

    Raises:
        InvalidTransactionError: it is not; says which unit it may be in. The text does not repeat the number, whose digits could
            be a card's.

    >>> moment(1_767_225_600_000_000)
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: timestamp: 16 digits, which would be 2026-01-01 in microseconds; allowed: whole \
milliseconds since 1970 in UTC, of the years 2000 to 2099: 946684800000 to 4102444799999
    """
    if not is_moment(value):
        raise InvalidTransactionError(field, _problem(value), ALLOWED)
    return value


def day_of(value: object) -> str:
    """The day (UTC) of a moment, as a folder's name; UNDATED for what is none.

    >>> day_of(1_767_225_600_000), day_of(-1)
    ('2026-01-01', 'undated')
    """
    return str(datetime.fromtimestamp(value // 1000, timezone.utc).date()) if is_moment(value) else UNDATED


def _problem(value: object) -> str:
    if value is None:
        return "missing"
    if type(value) is not int:
        return f"a JSON {type(value).__name__}"
    if value < 0:
        return "negative"
    for unit, times, over in _UNITS:
        if is_moment(in_ms := value * times // over):
            return f"{len(str(value))} digits, which would be {day_of(in_ms)} in {unit}"
    return f"a number of {value.bit_length()} bits"
