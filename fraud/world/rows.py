"""Transactions as parallel arrays, while a world is being made."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.world.draws import Floats, Ints


@dataclass(frozen=True)
class Rows:
    """One entry a transaction in every array."""

    card: Ints
    time_ms: Ints
    """Milliseconds since the start of the period."""
    cents: Ints
    branch: Ints
    """Row of the merchants' table."""
    category: Ints
    pattern: NDArray[np.int8]
    """0 honest; else 1 + the place in PATTERNS."""

    @property
    def size(self) -> int:
        """How many transactions there are."""
        return self.card.size

    def where(self, kept: NDArray[np.bool_] | Ints) -> Rows:
        """Those of a mask or of a list of places."""
        return Rows(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})

    def and_then(self, other: Rows) -> Rows:
        """These followed by those of another."""
        names = [field.name for field in fields(self)]
        return Rows(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})


def chain_times(start_ms: Ints, gaps_ms: Floats, first: NDArray[np.bool_]) -> Ints:
    """The times of runs of purchases: each run starts at its own time and goes on by the gaps.

    Args:
        start_ms: the start of the run that each purchase belongs to.
        gaps_ms: the time since the run's purchase before; not read for the first of a run.
        first: whether a purchase is the first of its run; the runs lie one after the other.

    >>> chain_times(np.array([5, 5, 9]), np.array([0.0, 3.0, 0.0]), np.array([True, False, True])).tolist()
    [5, 8, 9]
    """
    elapsed = np.cumsum(np.where(first, 0, gaps_ms).astype(np.int64))
    run = np.cumsum(first) - 1
    return np.asarray(start_ms + elapsed - elapsed[first][run])


def in_time_order(rows: Rows, days: int) -> Rows:
    """The rows by time; rows of the same millisecond in an order that has nothing to do with how they were made.

    Time and place in one integer sort several times faster than an indirect sort does.
    """
    bits = max(rows.size - 1, 1).bit_length()
    if (days * MS_PER_DAY).bit_length() + bits > 63:
        raise ValueError(f"{rows.size:,} rows over {days} days are too many to sort; allowed: 63 bits together")
    mask = (1 << bits) - 1
    odd = 0x9E3779B1
    shuffled = (np.arange(rows.size, dtype=np.int64) * odd) & mask
    ordered = np.sort((rows.time_ms << bits) | shuffled)
    return rows.where(((ordered & mask) * pow(odd, -1, mask + 1)) & mask)
