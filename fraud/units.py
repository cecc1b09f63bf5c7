"""A feature's value as a person reads it, by its unit."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def in_unit(value: float, unit: str) -> str:
    """A value with its unit; three digits where it has none that says how many.

    Args:
        value: the feature's value.
        unit: as the feature declares it: currency, seconds, share, times, hour, weekday; any other is not written.

    >>> [in_unit(612.5, "currency"), in_unit(43.19, "seconds"), in_unit(5_400, "seconds"), in_unit(0.0625, "share")]
    ['612.50', '43 s', '90 min', '6.25%']
    >>> [in_unit(12.5, "times"), in_unit(3.0, "hour"), in_unit(5.0, "weekday"), in_unit(9.0, "transactions")]
    ['12.5 times', '03:00 UTC', 'Saturday', '9']
    >>> in_unit(float("nan"), "hour")
    'nan'
    """
    return (_WRITTEN.get(unit, _plain) if isfinite(value) else _plain)(value)


def _duration(seconds: float) -> str:
    """
    >>> [_duration(each) for each in (0.4, 119.4, 119.6, 7_199, 7_201, 172_799, 259_200)]
    ['0 s', '119 s', '2 min', '120 min', '2 h', '48 h', '3 days']
    """
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if round(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


def _times(value: float) -> str:
    return f"{value:.3g} times" if abs(value) < 1_000 else f"{value:.0f} times"


def _weekday(value: float) -> str:
    return WEEKDAYS[int(value)] if value in range(len(WEEKDAYS)) else _plain(value)


def _plain(value: float) -> str:
    return f"{value:.6g}"


_WRITTEN: dict[str, Callable[[float], str]] = {
    "currency": "{:.2f}".format,
    "seconds": _duration,
    "share": lambda value: f"{100 * value:.3g}%",
    "times": _times,
    "hour": lambda value: f"{int(value):02}:00 UTC",
    "weekday": _weekday,
}
