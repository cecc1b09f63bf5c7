"""What a model's thresholds do to the groups of a protected field, which the model itself never sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.fields import Field
from sagemaker_src.training.metrics import Labels, Scores

FEW = 30
"""A rate of fewer rows than this says little, and is marked."""
MOST_GROUPS = 12
"""Values of a field that are told apart, the most frequent; the rest are one group."""
MISSING, REST = "missing", "all others"
_Z = 1.959964
"""Of a 95% interval."""


class Rate(NamedTuple):
    """A share of some rows, with Wilson's 95% interval; None where there are no rows. Rows count as independent of one another,
    so the interval is too narrow where few holders have many rows."""

    value: float | None
    low: float | None
    high: float | None
    of: int

    @property
    def few(self) -> bool:
        """Whether it is of too few rows to say much."""
        return self.of < FEW


class Group(NamedTuple):
    """One group of a protected field.

    Attributes:
        name: the field's value, a range of it, MISSING or REST.
        rows, frauds: how many transactions, and how many of them are fraud.
        false_positive_rate: of its honest transactions, those that are reviewed or blocked.
        recall: of its frauds, those that are reviewed or blocked.
        review_rate: of all its transactions, those that are reviewed; a blocked one is not.
    """

    name: str
    rows: int
    frauds: int
    false_positive_rate: Rate
    recall: Rate
    review_rate: Rate


def wilson(count: int, of: int) -> Rate:
    """A share and its 95% interval (Wilson, 1927).

    >>> tuple(round(each, 3) for each in wilson(1, 10)[:3])
    (0.1, 0.018, 0.404)
    >>> wilson(0, 0)
    Rate(value=None, low=None, high=None, of=0)
    """
    if not of:
        return Rate(None, None, None, 0)
    share, square = count / of, _Z * _Z / of
    middle = (share + square / 2) / (1 + square)
    half = _Z * np.sqrt(share * (1 - share) / of + square / of / 4) / (1 + square)
    return Rate(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)), of)


def by_group(label: Labels, score: Scores, group: NDArray[np.object_], thresholds: Mapping[str, float]) -> list[Group]:
    """The figures of each group, in the order of the groups' names.

    Args:
        label: n values, 1 for fraud.
        score: n scores.
        group: n names of groups.
        thresholds: `review` and `block`: a score from one on gets that outcome.
    """
    blocked = score >= thresholds["block"]
    flagged = (score >= thresholds["review"]) | blocked
    found = []
    for name in sorted(set(group)):
        here, fraud = group == name, label == 1
        counts = [wilson(int((part & what).sum()), int(part.sum())) for part, what in (
            (here & ~fraud, flagged), (here & fraud, flagged), (here, flagged & ~blocked),
        )]  # fmt: skip
        found.append(Group(name, int(here.sum()), int((here & fraud).sum()), *counts))
    return found


def group_names(field: Field, values: pd.Series) -> NDArray[np.object_]:
    """The name of each value's group: the value itself; of a number that has more than four, the quarter of all that it is in.

    >>> age = Field(name="age", kind="number", says="the holder's age", least=0, most=130, protected=True)
    >>> group_names(age, pd.Series([20, 30, 40, 50, None])).tolist()
    ['20', '30', '40', '50', 'missing']
    """
    there = values.notna()
    if field.kind == "number":
        names = _quarters(values[there].astype(float))
    else:
        names = values[there].map({True: "yes", False: "no"} if field.kind == "flag" else str)
        kept = names.value_counts().index[:MOST_GROUPS]
        names = names.where(names.isin(kept), REST)
    found: NDArray[np.object_] = names.reindex(values.index).fillna(MISSING).to_numpy(dtype=object)
    return found


def _quarters(numbers: pd.Series) -> pd.Series:
    if numbers.nunique() <= 4:
        return numbers.map("{:g}".format)
    quarter = pd.qcut(numbers, 4, labels=False, duplicates="drop")
    ranges = numbers.groupby(quarter).agg(["min", "max"])
    shown = {place: f"{place + 1:.0f}: {row['min']:g} to {row['max']:g}" for place, row in ranges.iterrows()}
    return quarter.map(shown)
