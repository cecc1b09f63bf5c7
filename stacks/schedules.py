"""Cron expressions as EventBridge takes them, read before anything is deployed.

What they may hold is on AWS's pages *eb-cron-expressions* and *schedule-types* (EventBridge and its Scheduler). Where these
differ or leave something open, as the year that Scheduler lets be left out, names in small letters or days counted in other
ways, only the form that both describe is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

CRON_SAYS = (
    "cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), as cron(20 0 * * ? *): one of the two days is ?, "
    "weekdays are 1 to 7 or SUN to SAT"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST = 256
"""Characters of a schedule's expression, at most (page *API_CreateSchedule*)."""
_LAST_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class _Field:
    """One of the six fields.

    Attributes:
        least, most: its numbers.
        names: of its numbers, from the least on.
        whole: what it may be besides lists, ranges and steps of numbers.
    """

    name: str
    least: int
    most: int
    names: Sequence[str] = ()
    whole: str = ""

    def values(self, text: str) -> set[int]:
        """The numbers that a field's text stands for; none for a form that days are counted by, but a weekday's (15W).

        Raises:
            ValueError: it is none that EventBridge takes.
        """
        if self.whole and re.fullmatch(self.whole, text):
            return {int(text[:-1])} if text.endswith("W") else set()
        found: set[int] = set()
        for part in text.split(","):
            found |= self._part(part)
        return found

    def _part(self, text: str) -> set[int]:
        span, slash, step_text = text.partition("/")
        first_text, dash, last_text = span.partition("-")
        step = 1
        if slash:
            if not re.fullmatch(r"[0-9]{1,4}", step_text) or not 1 <= int(step_text) <= self.most:
                raise ValueError(f"{self.name} {text!r}: a step is a number from 1")
            step = int(step_text)
        if span == "*":
            return set(range(self.least, self.most + 1, step))
        first = self._number(first_text, text)
        last = self._number(last_text, text) if dash else self.most if slash else first
        if last < first:
            raise ValueError(f"{self.name} {text!r}: a range goes upwards")
        return set(range(first, last + 1, step))

    def _number(self, text: str, whole: str) -> int:
        if text in self.names:
            return self.least + list(self.names).index(text)
        if re.fullmatch(r"[0-9]{1,4}", text) and self.least <= int(text) <= self.most:
            return int(text)
        named = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        raise ValueError(f"{self.name} {whole!r}: {self.least} to {self.most}{named}")


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, whole=r"\?|L|(?:[1-9]|[12][0-9]|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _WEEKDAYS, rf"\?|L|(?:[1-7]|{'|'.join(_WEEKDAYS)})(?:L|#[1-5])"),
    _Field("year", 1970, 2199),
)


def checked_cron(text: str) -> str:
    """The expression, if EventBridge takes it and it ever comes.

    Raises:
        ValueError: says what is wrong with it.

    >>> checked_cron("cron(0 3 ? * SUN *)")
    'cron(0 3 ? * SUN *)'
    >>> checked_cron("cron(0 0 * * * *)")
    Traceback (most recent call last):
    ...
    ValueError: one of day of month and day of week is ?, and only one
    """
    inside = re.fullmatch(r"cron\(([^()]*)\)", text)
    if not inside or len(text) > _LONGEST:
        raise ValueError("no cron(...)")
    parts = re.split(r"[ \t]+", inside[1])
    if len(parts) != len(_FIELDS) or "" in parts:
        raise ValueError(f"{len([part for part in parts if part])} fields, not {len(_FIELDS)}")
    _, _, days, months, _, _ = (field.values(part) for field, part in zip(_FIELDS, parts, strict=True))
    if [parts[2], parts[4]].count("?") != 1:
        raise ValueError("one of day of month and day of week is ?, and only one")
    if days and not any(min(days) <= _LAST_DAYS[month - 1] for month in months):
        raise ValueError("none of its months has such a day")
    return text
