"""How numbers, dates and moments are written in options and files: one notation, the same for every program.

Python's own readers take more than a person means: `1_000`, digits of other scripts, `nan`, and dates in the order that a
library guesses. Here a text is either of the one form or an error that says what is allowed.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone

DAYS = "a date from 2000-01-01 to 2099-12-31, the year first, as 2020-03-01"
MOMENTS = (
    "a date or a date and time from 2000 to 2099, the year first, as 2020-03-01 or 2020-03-01T12:00:00 (UTC), "
    "or with its offset, as 2020-03-01T12:00:00-05:00"
)
FARTHEST_OFFSET_MINUTES = 14 * 60

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"(?P<day>20[0-9]{2}-[0-9]{2}-[0-9]{2})"
    r"([T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]{1,3}))?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_OFFSET = re.compile(r"([+-])([0-9]{2})(?::?([0-9]{2}))?")


class NotationError(ValueError):
    """A text that is not of the form: says what is allowed."""


def whole_number(text: str) -> int:
    """The whole number in a text of ASCII digits.

    Raises:
        NotationError: it is anything else.

    >>> whole_number("1000")
    1000
    >>> whole_number("1_000")
    Traceback (most recent call last):
    ...
    fraud.notation.NotationError: '1_000' is not a whole number; allowed: digits 0 to 9, as 1000
    """
    if not _WHOLE.fullmatch(text):
        raise NotationError(f"{text!r} is not a whole number; allowed: digits 0 to 9, as 1000")
    return int(text)


def decimal_number(text: str) -> float:
    """The finite number in a text of ASCII digits with at most one point and an exponent.

    Raises:
        NotationError: it is anything else, `nan` and `inf` included.

    >>> decimal_number("0.001"), decimal_number("1e-3")
    (0.001, 0.001)
    """
    if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
        raise NotationError(f"{text!r} is not a number; allowed: digits 0 to 9 with a point, as 0.001")
    return float(text)


def iso_day(text: str) -> date:
    """The date in a text.

    Raises:
        NotationError: it is not one of DAYS.

    >>> iso_day("2020-03-01")
    datetime.date(2020, 3, 1)
    >>> iso_day("04/10/2020")
    Traceback (most recent call last):
    ...
    fraud.notation.NotationError: '04/10/2020' is not a date; allowed: a date from 2000-01-01 to 2099-12-31, the year \
first, as 2020-03-01
    """
    try:
        if _DAY.fullmatch(text):
            return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:  # as February 30
        pass
    raise NotationError(f"{text!r} is not a date; allowed: {DAYS}")


def iso_moment_ms(text: str) -> int:
    """The moment in a text, milliseconds since 1970 in UTC; a date is its first moment.

    Raises:
        NotationError: it is not one of MOMENTS.

    >>> iso_moment_ms("2020-03-01"), iso_moment_ms("2020-02-29T19:00-05:00")
    (1583020800000, 1583020800000)
    """
    found = _MOMENT.fullmatch(text)
    try:
        if found:
            hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
            day = iso_day(found["day"])
            moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=timezone.utc)
            moment -= timedelta(minutes=offset_minutes(found["offset"] or "Z"))
            return round(moment.timestamp()) * 1000 + int((found["fraction"] or "0").ljust(3, "0"))
    except ValueError:  # a part out of its range
        pass
    raise NotationError(f"{text!r} is not a time; allowed: {MOMENTS}")


def offset_minutes(text: str) -> int:
    """How far an offset from UTC is east of it: `Z`, `+01`, `+0100` or `+01:00`.

    Raises:
        NotationError: it is none, or farther than 14 hours.

    >>> offset_minutes("-05:00"), offset_minutes("Z")
    (-300, 0)
    """
    if text in ("Z", "z"):
        return 0
    found = _OFFSET.fullmatch(text)
    if found and int(found[3] or 0) < 60:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        if minutes <= FARTHEST_OFFSET_MINUTES:
            return -minutes if found[1] == "-" else minutes
    raise NotationError(f"{text!r} is not an offset; allowed: Z, or -14:00 to +14:00")
