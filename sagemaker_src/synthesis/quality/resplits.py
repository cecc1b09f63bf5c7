"""Resplits of a table into rows to train on and rows to test on: by time, and at random; equal rows never on both sides."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError

FIRST, LAST, WINDOW = 0.4, 0.75, 0.25
"""By time: the first resplit trains on this share of the frauds, the last on that; each is tested on the next quarter of them."""
TESTED = 0.2
"""At random: the share of the rows that is tested on."""
LEAST = 2
"""So many frauds must be on either side."""

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Resplit:
    """Positions of the rows to train on and of those to test on."""

    train: Rows
    test: Rows

    @property
    def ratio(self) -> float:
        """Rows tested on to rows trained on."""
        return len(self.test) / len(self.train)


def moments(column: pd.Series) -> NDArray[np.float64]:
    """The order of n rows in time, from numbers, moments or text such as 2020-06-21T12:14:25Z.

    Raises:
        SynthesisError: a value is missing, or is no time.
    """
    try:
        if pd.api.types.is_numeric_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a form that it must guess; what it cannot read it says in an error
                times = pd.to_datetime(column, utc=True)
            values = (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise SynthesisError(f"time column {column.name}: {error}; allowed: numbers, or dates and times") from error
    if np.isnan(values).any():
        raise SynthesisError(
            f"time column {column.name}: {int(np.isnan(values).sum())} rows have no time; every row needs one"
        )
    return np.asarray(values)


def by_time(time: NDArray[np.float64], fraud: Flags, same: NDArray[np.uint64], count: int) -> list[Resplit]:
    """At most so many resplits, each trained on rows before a moment and tested on rows from it on.

    Rows tested on that equal one trained on are left out. A resplit with too few frauds on either side is, too.

    Args:
        time: of n rows.
        fraud: which of them are.
        same: equal rows have equal numbers.
        count: how many.
    """
    times = np.sort(time[fraud])
    found = []
    for share in np.linspace(FIRST, LAST, count) if len(times) else ():
        cut = times[min(round(share * len(times)), len(times) - 1)]
        after = round((share + WINDOW) * len(times))
        end = times[after] if after < len(times) else np.inf
        train = time < cut
        test = (time >= cut) & (time < end) & ~np.isin(same, same[train])
        found += _sound(train, test, fraud)
    return found


def at_random(fraud: Flags, same: NDArray[np.uint64], count: int, seed: int) -> list[Resplit]:
    """At most so many resplits at random, a fifth of the frauds and of the honest rows tested on; equal rows go together."""
    rng = np.random.default_rng(seed)
    groups, of_row = np.unique(same, return_inverse=True)
    has_fraud = np.zeros(len(groups), dtype=bool)
    has_fraud[of_row[fraud]] = True
    found = []
    for _ in range(count):
        tested = np.zeros(len(groups), dtype=bool)
        for kind in (has_fraud, ~has_fraud):
            members = np.flatnonzero(kind)
            tested[rng.permutation(members)[: round(TESTED * len(members))]] = True
        test = tested[of_row]
        found += _sound(~test, test, fraud)
    return found


def _sound(train: Flags, test: Flags, fraud: Flags) -> list[Resplit]:
    enough = all((side & fraud).sum() >= LEAST and (side & ~fraud).any() for side in (train, test))
    return [Resplit(np.flatnonzero(train), np.flatnonzero(test))] if enough else []
