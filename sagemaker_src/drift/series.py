"""What is watched for drift: a model's features, its scores, and the amounts of each category, each as counts over bins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fraud.features.catalogue import CATALOGUE
from fraud.model_input import ModelInput
from fraud.vector import model_vector

Counts = NDArray[np.int64]
"""How many values lie in each bin; the last two are those of no known value, and the missing ones."""

BINS = 10
"""Of a number: as many parts of the baseline of the same size, fewer where values repeat."""
SCORE = "score"
CATEGORY = "category"
"""The feature by whose values amounts are watched apart: a change in two categories is small among all amounts."""

GROWING = frozenset(
    feature.name
    for habit in CATALOGUE.habits
    if habit.days is None
    for feature, aggregate in zip(habit.features, habit.aggregates, strict=True)
    if aggregate == "count"
)
"""Counts over a card's whole history: they grow by themselves, so their distribution is not compared, only what is missing."""


@dataclass(frozen=True)
class Series:
    """One thing that is watched.

    Attributes:
        name: a feature, `score`, or `amount of CATEGORY`.
        kind: `number`, or `category` of a text.
        edges: of a number: the upper ends of all bins but the last; a value on an edge is still below it.
        values: of a text: the known values, a bin each.
        part: the category whose rows alone are counted; None for all rows.
    """

    name: str
    kind: Literal["number", "category"]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    part: str | None = None

    @property
    def bins(self) -> int:
        """How many, without the two of unknown and missing values."""
        return len(self.values) if self.kind == "category" else len(self.edges) + 1

    def counts(self, values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Counts:
        """Into which bins n values fall.

        Args:
            values: numbers, NaN for missing; or of a text the places in `values`, NaN for an unknown or missing one.
            missing: of a text, which are missing.

        Returns:
            `bins` + 2 counts, with the sum n.

        >>> Series("amount", "number", edges=(1.0, 5.0)).counts(np.array([0.5, 1.0, 7.0, np.nan])).tolist()
        [2, 0, 1, 0, 1]
        >>> codes, missing = np.array([0, 1, np.nan, np.nan]), np.array([False, False, False, True])
        >>> Series("country", "category", values=("DE", "FR")).counts(codes, missing).tolist()
        [1, 1, 1, 1]
        """
        lacks = np.isnan(values)
        if self.kind == "number":
            places = np.searchsorted(np.asarray(self.edges), values, side="left")
            places[lacks] = self.bins + 1
        else:
            places = np.where(lacks, self.bins, values).astype(np.int64)
            places[lacks & missing] = self.bins + 1
        return np.bincount(places, minlength=self.bins + 2)


def quantile_edges(values: NDArray[np.floating], bins: int = BINS) -> tuple[float, ...]:
    """Edges between parts of the same size, each once; missing values are left out.

    >>> quantile_edges(np.array([1.0, 2.0, 3.0, 4.0, np.nan]), bins=4)
    (1.0, 2.0, 3.0)
    >>> quantile_edges(np.array([0.0, 0.0, 0.0, 9.0]), bins=4)
    (0.0,)
    """
    there = values[~np.isnan(values)]
    if not len(there):
        return ()
    found = np.unique(np.quantile(there, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    return tuple(float(edge) for edge in found if edge < there.max())


def columns_of(
    columns: Mapping[str, Any], takes: ModelInput, scores: NDArray[np.floating] | None
) -> Iterator[tuple[str, str | None, NDArray[Any], NDArray[np.bool_] | None]]:
    """The values of everything that is watched in n transactions: (name, category or None, values, of a text which are missing).

    Args:
        columns: `fraud.vector.INPUT_COLUMNS` of the transactions.
        takes: what the model takes.
        scores: n scores; None where there are none.
    """
    vectors = model_vector(columns, takes)
    for place, name in enumerate(takes.names):
        yield name, None, vectors[:, place], _missing(columns[name]) if name in takes.categories else None
    if scores is not None:
        yield SCORE, None, np.asarray(scores, dtype=np.float64), None
    if CATEGORY in takes.categories:
        amounts, codes = np.asarray(columns["amount_cents"]) / 100, vectors[:, takes.names.index(CATEGORY)]
        for code, value in enumerate(takes.categories[CATEGORY]):
            yield f"amount of {value}", value, amounts[codes == code], None


def _missing(values: Sequence[Any]) -> NDArray[np.bool_]:
    if hasattr(values, "isna"):  # a data frame's column
        return np.asarray(values.isna())
    return np.fromiter((value is None for value in values), dtype=bool, count=len(values))
