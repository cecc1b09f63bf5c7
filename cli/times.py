"""Dates and moments as a person types them in an option: one parser for every command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

from fraud.durations import MS_PER_DAY
from fraud.notation import NotationError, iso_day, iso_moment_ms
from reading.errors import BadInputError

_Read = TypeVar("_Read")
_EPOCH = date(1970, 1, 1)


def parse_day(option: str, text: str) -> date:
    """The date that an option names.

    Raises:
        BadInputError: it is not a date from 2000 to 2099 with the year first.

    >>> parse_day("--start", "2020-03-01")
    datetime.date(2020, 3, 1)
    """
    return _parsed(option, text, iso_day)


def parse_moment(option: str, text: str) -> int:
    """The moment that an option names, milliseconds since 1970: a date or a date and time, in UTC unless it has an offset.

    Raises:
        BadInputError: it is neither.

    >>> parse_moment("--test-from", "2020-03-01")
    1583020800000
    """
    return _parsed(option, text, iso_moment_ms)


def start_ms(day: date) -> int:
    """00:00 UTC of a day, milliseconds since 1970.

    >>> start_ms(date(1970, 1, 2))
    86400000
    """
    return (day - _EPOCH).days * MS_PER_DAY


def _parsed(option: str, text: str, read: Callable[[str], _Read]) -> _Read:
    try:
        return read(text)
    except NotationError as error:
        raise BadInputError(f"{option}: {error}") from error


def day_of(moment_ms: int) -> str:
    """The day in UTC of a moment, milliseconds since 1970.

    >>> day_of(1_583_020_800_000)
    '2020-03-01'
    """
    return (_EPOCH + timedelta(days=moment_ms // MS_PER_DAY)).isoformat()
