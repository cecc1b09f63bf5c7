"""Fast draws for millions of rows.

Amounts and times of day come from tables of quantiles rather than from `exp` on every row: it is faster, and it keeps
the bytes the same on processors whose `exp` differs in the last bit.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.world.categories import CATEGORIES, RHYTHMS

STEPS = 4096
_ENDINGS = np.array([99] * 9 + [0] * 6 + [49, 95, 50, 25, 75], dtype=np.int64)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_Z = np.array([NormalDist().inv_cdf(min(max(i / STEPS, 2e-5), 1 - 2e-5)) for i in range(STEPS + 1)])


def log_normal_table(kinds: list[tuple[float, float]]) -> Floats:
    """One row of quantiles for each (median, spread of the logarithm): shape (kinds, STEPS + 1), in the median's unit.

    >>> log_normal_table([(10.0, 0.5)])[0, STEPS // 2].item()
    10.0
    """
    medians = np.array([median for median, _ in kinds])
    spreads = np.array([spread for _, spread in kinds])
    return np.asarray(medians[:, None] * np.exp(spreads[:, None] * _Z))


def rhythm_table(names: list[str]) -> Floats:
    """One row of quantiles of the time of day, in milliseconds, for each rhythm: shape (names, STEPS + 1)."""
    rows = []
    for name in names:
        cumulative = np.concatenate([[0.0], np.cumsum(RHYTHMS[name])])
        rows.append(
            np.interp(np.arange(STEPS + 1) / STEPS * cumulative[-1], cumulative, np.arange(25) * MS_PER_DAY / 24)
        )
    return np.array(rows)


def from_table(rng: np.random.Generator, table: Floats, row: Ints) -> Floats:
    """One draw from the quantiles of each `row` of the table; shape as `row`."""
    flat = table.ravel()
    cell = row * (STEPS + 1) + rng.integers(0, STEPS, row.size, dtype=np.uint16)
    low = flat[cell]
    return np.asarray(low + rng.random(row.size) * (flat[cell + 1] - low))


AMOUNTS = log_normal_table([kind for category in CATEGORIES for kind in (category.small, category.large)])
"""Rows 2 x category (small) and 2 x category + 1 (large), in dollars."""
TIMES_OF_DAY = rhythm_table([category.rhythm for category in CATEGORIES])
_LARGE_SHARE = np.array([category.large_share for category in CATEGORIES])


def amounts_dollars(rng: np.random.Generator, category: Ints) -> Floats:
    """What purchases of each category cost, in dollars."""
    large = rng.random(category.size) < _LARGE_SHARE[category]
    return from_table(rng, AMOUNTS, 2 * category + large)


def priced(rng: np.random.Generator, dollars: Floats) -> Ints:
    """Amounts in whole cents, a third with the endings of price labels; honest rows and fraud alike pass here.

    Nothing costs less than a dollar: what would is moved up by one, so that no single amount piles up.
    """
    cents = np.rint(dollars * 100).astype(np.int64)
    label = rng.integers(0, 60, cents.size, dtype=np.uint8)
    with_label = label < _ENDINGS.size
    cents[with_label] += _ENDINGS[label[with_label]] - cents[with_label] % 100
    return np.where(cents < 100, cents + 100, cents)
