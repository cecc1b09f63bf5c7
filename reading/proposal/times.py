"""Which columns of a file say when a transaction was, and how that is written there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from reading.mapping.expressions import identifier
from reading.proposal.guess import Guess
from reading.proposal.profile import Profile

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?.*"
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H.%M", "%I:%M %p", "%I:%M:%S %p")
_UNSURE_DAY = "the day or the month may come first"
_SINCE_1970 = (("[0-9]{10}", 1_000_000, "seconds"), ("[0-9]{13}", 1_000, "milliseconds"))


def time_guess(columns: Sequence[Profile]) -> tuple[Guess, str | None] | None:
    """The event's time, and its format if it needs one; None: no column is of times.

    Args:
        columns: those whose names are of times first.
    """
    for column in columns:
        if column.kind in ("time", "moment") or column.all_match(_ISO):
            return Guess(column.name), None
    for column in columns:
        for separator in (" ", "T"):
            for clock in _CLOCKS:
                if found := _dates(column, lambda date, sep=separator, end=clock: f"{date}{sep}{end}"):  # type: ignore[misc]
                    return Guess(column.name, _UNSURE_DAY if len(found) > 1 else None), found[0]
    return _in_parts(columns) or _since_1970(columns)


def _in_parts(columns: Sequence[Profile]) -> tuple[Guess, str | None] | None:
    by_word = {word: column for column in reversed(columns) for word in column.words[-1:]}
    clocks = [(column, form) for column in columns for form in _CLOCKS if _fits(column, form)]
    if {"year", "month", "day"} <= set(by_word) and clocks:
        parts = ", ".join(f"CAST({identifier(by_word[word].name)} AS BIGINT)" for word in ("year", "month", "day"))
        column, form = clocks[0]
        return (
            Guess(f"format('{{:04d}}-{{:02d}}-{{:02d}} {{}}', {parts}, {identifier(column.name)})"),
            f"%Y-%m-%d {form}" if form not in ("%H:%M:%S", "%H:%M") else None,
        )
    for column in columns:
        if dates := _dates(column, str):
            unsure = _UNSURE_DAY if len(dates) > 1 else None
            if not clocks:
                return Guess(column.name, unsure or "no column says the hour: all are at midnight"), dates[0]
            clock, form = clocks[0]
            return Guess(f"{identifier(column.name)} || ' ' || {identifier(clock.name)}", unsure), f"{dates[0]} {form}"
    return None


def _since_1970(columns: Sequence[Profile]) -> tuple[Guess, str | None] | None:
    for column in columns:
        for form, factor, unit in _SINCE_1970:
            if column.all_match(form):
                sql = f"make_timestamp(CAST({identifier(column.name)} AS BIGINT) * {factor})"
                return Guess(sql, f"taken for {unit} since 1970, in UTC"), None
    return None


def _dates(column: Profile, whole: Callable[[str], str]) -> list[str]:
    return [whole(date) for date in _DATES if _fits(column, whole(date))]


def _fits(column: Profile, form: str) -> bool:
    if not column.values or not re.search("[0-9]", column.values[0]):
        return False
    try:
        for value in column.values:
            datetime.strptime(value, form)
    except ValueError:
        return False
    return True
