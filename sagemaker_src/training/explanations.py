"""What a model makes of its features, over many rows: of exact contributions, each row's sum of which is the score's log-odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from fraud.model_input import ModelInput

BINS = 10
"""Of the values of a number; each holds about as many rows."""
MOST_CATEGORIES = 12
"""Of a feature that is text: those with the most rows; the rest together."""
MISSING, REST = "missing", "(rest)"
BAND = (10, 90)
"""Percentiles of the contributions of a bin's rows."""
_PIECE = 2_000


class Contributions(NamedTuple):
    """Exact contributions (TreeSHAP) of n rows.

    Attributes:
        values: float64 (n, features): what each feature adds to each row's log-odds.
        base: what all rows have before; `values.sum(axis=1) + base` is the log-odds.
        apart: by how much that sum differs from the log-odds of the model's own prediction, at most.
    """

    values: NDArray[np.float64]
    base: float
    apart: float


class Bin(NamedTuple):
    """The rows of a feature whose values are alike.

    Attributes:
        says: which values.
        rows: how many.
        mean, low, high: of their contributions: the mean, and the 10th and 90th percentile.
    """

    says: str
    rows: int
    mean: float
    low: float
    high: float


class Moved(NamedTuple):
    """A feature in two models, on the same rows.

    Attributes:
        one, other: its share of all mean absolute contributions, by model; None where a model does not take it.
        alike: the correlation of its contributions row by row; None where one does not take it, or gives all rows the same.
    """

    name: str
    one: float | None
    other: float | None
    alike: float | None


class Stability(NamedTuple):
    """How alike two models explain the same rows.

    Attributes:
        features: each, that of the greatest change of share first.
        order: the rank correlation (Spearman) of the shares of the features that both take; None of fewer than three.
        scores: the correlation of the two models' log-odds.
    """

    features: list[Moved]
    order: float | None
    scores: float | None


def contributions(model: xgb.Booster, takes: ModelInput, vectors: NDArray[np.float32]) -> Contributions:
    """The contributions of rows; some 4 ms a row and core with 500 trees of depth 6.

    Args:
        vectors: (n, features), as the model takes them.
    """
    found, apart = [], 0.0
    for start in range(0, len(vectors), _PIECE):
        rows = xgb.DMatrix(
            vectors[start : start + _PIECE],
            feature_names=list(takes.names),
            feature_types=list(takes.types),
            enable_categorical=True,
        )
        piece = model.predict(rows, pred_contribs=True).astype(np.float64)
        log_odds = model.predict(rows, output_margin=True).astype(np.float64)
        apart = max(apart, float(np.abs(piece.sum(axis=1) - log_odds).max()))
        found.append(piece)
    whole = np.concatenate(found)
    return Contributions(whole[:, :-1], float(whole[0, -1]), apart)


def importance(values: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    """{feature: the mean of its absolute contributions}, the most first.

    >>> importance(np.array([[1.0, -3.0], [-1.0, 1.0]]), ["a", "b"])
    {'b': 2.0, 'a': 1.0}
    """
    means = np.abs(values).mean(axis=0) if len(values) else np.zeros(len(names))
    return {names[place]: float(means[place]) for place in np.argsort(-means, kind="stable")}


def dependence(
    column: NDArray[np.float32], contribution: NDArray[np.float64], categories: Sequence[str] | None = None
) -> list[Bin]:
    """A feature's contribution by its value: bins in the order of the values, the missing ones last.

    Args:
        column: n values, NaN for missing; of text, its code.
        contribution: n.
        categories: of text, in the order of their codes.

    >>> found = dependence(np.float32([1, 1, 2, 3, np.nan]), np.array([0.0, 1.0, 2.0, 3.0, -1.0]))
    >>> [(each.says, each.rows, each.mean) for each in found]
    [('1', 2, 0.5), ('2', 1, 2.0), ('3', 1, 3.0), ('missing', 1, -1.0)]
    """
    there = ~np.isnan(column)
    groups = _categories(column, there, categories) if categories is not None else _quantiles(column, there)
    if not there.all():
        groups.append((MISSING, ~there))
    return [_bin(says, contribution[rows]) for says, rows in groups]


def stability(one: tuple[Contributions, Sequence[str]], other: tuple[Contributions, Sequence[str]]) -> Stability:
    """How alike two models explain the same rows.

    Args:
        one, other: of each model its contributions of the rows, and its features.
    """
    shares = [_shares(found.values, names) for found, names in (one, other)]
    places = [{name: place for place, name in enumerate(names)} for _, names in (one, other)]
    both = [name for name in shares[0] if name in shares[1]]
    moved = [
        Moved(
            name,
            shares[0].get(name),
            shares[1].get(name),
            _correlation(one[0].values[:, places[0][name]], other[0].values[:, places[1][name]])
            if name in both
            else None,
        )
        for name in dict.fromkeys([*shares[0], *shares[1]])
    ]
    moved.sort(key=lambda each: -abs((each.one or 0.0) - (each.other or 0.0)))
    ranks = [_ranks(np.array([share[name] for name in both])) for share in shares]
    log_odds = [found.values.sum(axis=1) for found, _ in (one, other)]
    return Stability(moved, _correlation(*ranks) if len(both) >= 3 else None, _correlation(*log_odds))


def _shares(values: NDArray[np.float64], names: Sequence[str]) -> Mapping[str, float]:
    found = importance(values, names)
    total = sum(found.values()) or 1.0
    return {name: mean / total for name, mean in found.items()}


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts + 1) / 2)[place]
    return ranks


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _bin(says: str, of_rows: NDArray[np.float64]) -> Bin:
    low, high = np.percentile(of_rows, BAND)
    return Bin(says, len(of_rows), float(of_rows.mean()), float(low), float(high))


def _categories(
    column: NDArray[np.float32], there: NDArray[np.bool_], categories: Sequence[str]
) -> list[tuple[str, NDArray[np.bool_]]]:
    codes, counts = np.unique(column[there], return_counts=True)
    shown = codes[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES]
    groups = [(categories[int(code)], column == code) for code in sorted(shown)]
    rest = there & ~np.isin(column, shown)
    return [*groups, (REST, rest)] if rest.any() else groups


def _quantiles(column: NDArray[np.float32], there: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Bins of about as many rows each, no value in two of them; of few different values, one a value."""
    values = column[there]
    if not len(values):
        return []
    different = np.unique(values)
    if len(different) <= BINS:
        return [(f"{value:g}", column == value) for value in different]
    edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    place = np.searchsorted(edges, column, side="left")  # a value at an edge is in the bin that ends there
    groups = []
    for number in range(len(edges) + 1):
        rows = there & (place == number)
        if rows.any():
            low, high = column[rows].min(), column[rows].max()
            groups.append((f"{low:g}" if low == high else f"{low:.4g} to {high:.4g}", rows))
    return groups
