"""Axes: where numbers stand in a picture, and what is written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

MOMENTS = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Axis:
    """A stretch of numbers.

    Attributes:
        low, high: its ends; high is above low.
        logarithmic: places go by the logarithm of one plus the number.
        moments: the numbers are seconds since 1970.
    """

    low: float
    high: float
    logarithmic: bool = False
    moments: bool = False

    def share(self, value: float) -> float:
        """Where a number stands: 0 at the low end, 1 at the high one; what lies outside stands at the end.

        >>> Axis(0, 10).share(2.5), Axis(0, 10).share(99)
        (0.25, 1.0)
        """
        return float(self.shares(np.array([value]))[0])

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where n numbers stand; not a number: nowhere."""
        low, high, bent = (self._bent(each) for each in (np.array([self.low]), np.array([self.high]), values))
        return np.asarray(np.clip((bent - low) / (high - low), 0.0, 1.0))

    def _bent(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log1p(np.maximum(values, 0.0)) if self.logarithmic else values

    def ticks(self, count: int = 4) -> list[tuple[float, str]]:
        """(share, text) of some round numbers on it."""
        if self.moments:
            values = [self.low + (self.high - self.low) * part for part in (1 / 6, 5 / 6)]  # their texts are long
        elif self.logarithmic:
            powers = [0.0, *(10.0**power for power in range(13))]
            values = [each for each in powers if self.low <= each <= self.high]
            values = values[:: max(1, -(-len(values) // (count + 1)))]
        else:
            values = round_numbers(self.low, self.high, count)
        return [(self.share(value), self.text(value)) for value in values]

    def text(self, value: float) -> str:
        """A number as it is written beside the axis."""
        if self.moments:
            return f"{MOMENTS + timedelta(seconds=value):%Y-%m-%d}"
        return short(value)


def short(value: float) -> str:
    """A number in few signs.

    >>> [short(each) for each in (0.0, 0.25, 1200.0, 2.5e7, -0.5)]
    ['0', '0.25', '1,200', '2.5e+07', '-0.5']
    """
    if value == 0:
        return "0"
    return f"{value:,.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def round_numbers(low: float, high: float, count: int) -> list[float]:
    """About so many numbers of one, two or five at the front, from low to high.

    >>> round_numbers(0, 0.83, 4)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.7), default=10 * power)
    digits = max(0, 1 - math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, digits) + 0.0 for place in range(first, last + 1)]


def spanned(values: Iterable[float], margin: float = 0.06) -> Axis:
    """An axis that holds all of them, with some room at both ends."""
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = margin * (high - low) or max(abs(high), 1.0) * 0.1
    return Axis(low - room, high + room)


def percent(share: float) -> str:
    """A share as CSS has it.

    >>> percent(1 / 3)
    '33.33'
    """
    return f"{100 * share:.2f}".rstrip("0").rstrip(".")
