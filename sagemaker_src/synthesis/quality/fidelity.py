"""Fidelity: how alike synthetic and real rows are, each measure beside its floor: the same between real and other real rows.

Everything is measured against held-out rows, which no generator saw: a generator that repeats what it learned looks no better
for it than the learned rows themselves.
"""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import normalized_mutual_info_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict

from sagemaker_src.synthesis.quality.libraries import sdmetrics
from sagemaker_src.synthesis.quality.values import Matrix, coded, fingerprints, is_number

BINS = 24
"""Of a histogram."""
LEAST = 10
"""So many rows of each kind are needed to tell two kinds apart."""
MOST = 2_000
"""So many rows of each kind are enough to."""
FOLDS = 5
PAIRS = 600
"""Mutual information is measured between so many pairs of columns at most."""


def fidelity(
    trained: pd.DataFrame,
    held_out: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    seed: int,
    trees: int = 100,
    draws: int = 3,
) -> dict[str, Any]:
    """How alike plain rows are: `fidelity` of `quality.json`.

    Args:
        trained: the rows that were learned; what they differ from the held-out ones by chance is the floor.
        held_out: real rows that were not.
        synthetic: as many are used as were learned, at most, so that chance plays as large a part in both.
        seed: of what is drawn.
        trees: of each random forest.
        draws: so many samples of equal sizes are told apart; the AUC is their mean.
    """
    drawn = sample(synthetic, len(trained), seed)
    columns = [_column(name, trained, held_out, drawn, synthetic) for name in held_out.columns]
    real = pd.concat([trained, held_out], ignore_index=True)
    numbers = [name for name in held_out.columns if is_number(held_out, name)]
    reference = _information(held_out, real, seed)
    return {
        "mean_ks": _mean([each["distance"] for each in columns]),
        "floor_ks": _mean([each["floor"] for each in columns]),
        "columns": columns,
        "correlation_difference": correlation_difference(held_out, drawn),
        "floor_correlation_difference": correlation_difference(held_out, trained),
        "mutual_information_difference": _difference(reference, _information(drawn, real, seed)),
        "floor_mutual_information_difference": _difference(reference, _information(trained, real, seed)),
        "two_sample_auc": two_sample_auc(held_out, synthetic, seed=seed, trees=trees, draws=draws),
        "real_two_sample_auc": two_sample_auc(held_out, trained, seed=seed, trees=trees, draws=draws),
        "correlation": {
            "names": numbers,
            "real": correlations(real, numbers).tolist(),
            "synthetic": correlations(synthetic, numbers).tolist(),
        },
    }


def sample(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """So many rows at random, without repetition; all where there are no more."""
    return rows if len(rows) <= count else rows.sample(count, random_state=seed)


def distance(real: pd.DataFrame, other: pd.DataFrame, name: str) -> float:
    """Between two distributions of a column, missing values aside: Kolmogorov-Smirnov of numbers, total variation of categories.

    0: the same, 1: nothing in common; also where one of the two is missing throughout.
    """
    one, two = real[name].dropna(), other[name].dropna()
    if one.empty or two.empty:
        return 0.0 if one.empty and two.empty else 1.0
    measure = sdmetrics().KSComplement if is_number(real, name) else sdmetrics().TVComplement
    return 1.0 - float(measure.compute(one, two))


def _column(
    name: str, trained: pd.DataFrame, held_out: pd.DataFrame, drawn: pd.DataFrame, synthetic: pd.DataFrame
) -> dict[str, Any]:
    real = pd.concat([trained[name], held_out[name]], ignore_index=True)
    described = _histograms if is_number(held_out, name) else _bars
    of_real, of_synthetic = described(real, synthetic[name])
    return {
        "name": name,
        "kind": "number" if is_number(held_out, name) else "category",
        "distance": distance(held_out, drawn, name),
        "floor": distance(held_out, trained, name),
        "real": of_real,
        "synthetic": of_synthetic,
    }


def _histograms(real: pd.Series, synthetic: pd.Series) -> tuple[dict[str, Any], dict[str, Any]]:
    """{"edges": of the bins, "shares": of the rows in each, "missing": share}; what lies outside counts in the last bin there."""
    known = pd.concat([real, synthetic]).dropna().to_numpy()
    low, high = np.quantile(known, [0.005, 0.995]) if len(known) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)

    def of(values: pd.Series) -> dict[str, Any]:
        counts, _ = np.histogram(values.dropna().clip(edges[0], edges[-1]), bins=edges)
        return {
            "edges": edges.tolist(),
            "shares": (counts / max(len(values), 1)).tolist(),
            "missing": float(values.isna().mean()),
        }

    return of(real), of(synthetic)


def _bars(real: pd.Series, synthetic: pd.Series) -> tuple[dict[str, Any], dict[str, Any]]:
    """{"values": the most frequent, "shares": of the rows with each, "missing": share}; the rest of the rows has other values."""
    counts = pd.concat([real, synthetic]).value_counts()
    values = sorted(counts.index, key=lambda value: (-int(counts[value]), str(value)))[:BINS]

    def of(column: pd.Series) -> dict[str, Any]:
        shares = [float((column == value).mean()) for value in values]
        return {"values": values, "shares": shares, "missing": float(column.isna().mean())}

    return of(real), of(synthetic)


def correlations(rows: pd.DataFrame, numbers: list[str]) -> Matrix:
    """Pearson's, of each pair of columns; not a number where a column is constant."""
    return np.asarray(rows[numbers].corr().to_numpy(dtype=np.float64)) if numbers else np.zeros((0, 0))


def correlation_difference(real: pd.DataFrame, other: pd.DataFrame) -> float | None:
    """How far two tables' correlations are apart, on average over the pairs of columns that have one in both (0 to 2)."""
    numbers = [name for name in real.columns if is_number(real, name)]
    above = np.triu_indices(len(numbers), 1)
    return _mean(np.abs(correlations(real, numbers) - correlations(other, numbers))[above].tolist())


def _information(rows: pd.DataFrame, reference: pd.DataFrame, seed: int) -> Matrix:
    """Normalized mutual information of pairs of columns: numbers in tenths of the reference, missing values as one more value."""
    codes = [_tenths(rows[name], reference[name]) for name in rows.columns]
    pairs = list(combinations(range(len(codes)), 2))
    if len(pairs) > PAIRS:
        chosen = np.random.default_rng(seed).choice(len(pairs), PAIRS, replace=False)
        pairs = [pairs[at] for at in sorted(chosen)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a column of as many values as rows is told of; it is meant
        return np.array([normalized_mutual_info_score(codes[one], codes[two]) for one, two in pairs])


def _tenths(column: pd.Series, reference: pd.Series) -> Any:
    if column.dtype != np.float64:
        return column.fillna("").astype(str).to_numpy()
    known = reference.dropna().to_numpy()
    edges = np.unique(np.quantile(known, np.linspace(0.1, 0.9, 9))) if len(known) else np.zeros(0)
    return np.where(column.isna(), -1, np.searchsorted(edges, column.to_numpy(), side="right"))


def _difference(one: Matrix, two: Matrix) -> float | None:
    return _mean(np.abs(one - two).tolist())


def two_sample_auc(
    real: pd.DataFrame, other: pd.DataFrame, *, seed: int, trees: int = 100, draws: int = 3
) -> float | None:
    """How well a random forest tells two kinds of plain rows apart, cross-validated on as many of each: .5 is guessing.

    Equal rows stand in one fold: a row that is repeated is not known by having been seen. None with under ten rows of a kind.
    """
    size = min(len(real), len(other), MOST)
    if size < LEAST or not real.shape[1]:
        return None
    scores = []
    for draw in range(draws):
        both = pd.concat([sample(each, size, seed + draw) for each in (real, other)], ignore_index=True)
        scores.append(_forest_auc(both, np.repeat([0, 1], size), seed + draw, trees))
    return float(np.mean(scores))


def _forest_auc(rows: pd.DataFrame, label: Any, seed: int, trees: int) -> float:
    groups = fingerprints(rows)
    forest = RandomForestClassifier(trees, random_state=seed)
    grouped = len(np.unique(groups)) >= 2 * FOLDS
    split = (StratifiedGroupKFold if grouped else StratifiedKFold)(FOLDS, shuffle=True, random_state=seed)
    matrix = coded(rows, rows)
    told = cross_val_predict(
        forest, matrix, label, groups=groups if grouped else None, cv=split, method="predict_proba"
    )
    return float(roc_auc_score(label, told[:, 1]))


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None
