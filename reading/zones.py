"""What a clock shows in a zone, as moments: offsets, zones by name, the hours that a change of the clocks skips or repeats."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from fraud.notation import NotationError, offset_minutes
from reading.errors import BadInputError

_FROM = datetime(1999, 12, 30, tzinfo=timezone.utc)
_TO = datetime(2100, 1, 3, tzinfo=timezone.utc)
_FOREVER_MS = 1 << 53


@dataclass(frozen=True)
class Period:
    """Readings of a clock between two of its changes, milliseconds since 1970 as if they were UTC.

    Attributes:
        from_ms, to_ms: the first reading, and the one after the last. Between this and the next period's first is what the
            clock skipped.
        offset_ms: how far the clock is before UTC.
        repeated_to_ms: readings before this were there in the period before as well.
        earlier_offset_ms: the offset of that one.
    """

    from_ms: int
    to_ms: int
    offset_ms: int
    repeated_to_ms: int
    earlier_offset_ms: int


def checked_zone(name: str) -> str:
    """The zone that `--timezone` names.

    Raises:
        BadInputError: there is none of that name, nor is it an offset.
    """
    try:
        zone(name)
    except NotationError as error:
        raise BadInputError(f"--timezone: {error}") from error
    return name


@cache
def zone(name: str) -> tzinfo:
    """The zone of a name of the IANA database, or of an offset.

    Raises:
        NotationError: it is neither.

    >>> zone("-05:00").utcoffset(None) == zone("EST").utcoffset(datetime(2020, 7, 1))
    True
    """
    if name in _names():
        return ZoneInfo(name)
    try:
        return timezone(timedelta(minutes=offset_minutes(name)))
    except NotationError as error:
        known = {each.casefold(): each for each in _names()}
        alike = difflib.get_close_matches(name.casefold(), known, n=1)
        hint = f" (did you mean {known[alike[0]]}?)" if alike else ""
        allowed = "UTC, a name of the IANA database, as America/New_York, or an offset, as -05:00"
        raise NotationError(f"{name!r} is not a time zone{hint}; allowed: {allowed}") from error


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def periods(of: tzinfo) -> list[Period]:
    """The periods of a zone's clock from 2000 to 2099, in order.

    >>> [(each.offset_ms, each.repeated_to_ms == each.from_ms) for each in periods(timezone.utc)]
    [(0, True)]
    >>> len(periods(ZoneInfo("America/New_York")))
    201
    """
    begins = [(-_FOREVER_MS, _offset_ms(_FROM, of)), *_changes(of)]
    found = []
    for place, (begin, offset) in enumerate(begins):
        earlier = begins[place - 1][1] if place else offset
        end = begins[place + 1][0] if place + 1 < len(begins) else _FOREVER_MS
        first = begin + offset
        found.append(Period(first, end + offset, offset, max(first, begin + earlier), earlier))
    return found


def _changes(of: tzinfo) -> Iterator[tuple[int, int]]:
    """Each moment at which the clock is changed, and its offset from then on."""
    day = timedelta(days=1)
    moment = _FROM
    while moment < _TO:
        if _offset_ms(moment, of) != _offset_ms(moment + day, of):
            before, after = 0, 86_400
            while after - before > 1:
                middle = (before + after) // 2
                unchanged = _offset_ms(moment + timedelta(seconds=middle), of) == _offset_ms(moment, of)
                before, after = (middle, after) if unchanged else (before, middle)
            changed = moment + timedelta(seconds=after)
            yield int(changed.timestamp()) * 1000, _offset_ms(changed, of)
        moment += day


def _offset_ms(moment: datetime, of: tzinfo) -> int:
    offset = moment.astimezone(of).utcoffset()
    return int((offset or timedelta(0)).total_seconds()) * 1000
