"""A model of a table without cards or windows: its own columns are the features, numbers and categories.

Split like the rows of cards, [fit | validation | test]: in the order of a column, where there is one, or at random by a seed,
with rows that are alike together. Thresholds come from validation; the model that is kept is fitted again on all but the test.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from fraud.model_input import ModelInput
from fraud.vector import category_codes
from sagemaker_src.training.fitting import Progress, TrainingSettings, fit, score, silent
from sagemaker_src.training.leakage import Rows, leakage
from sagemaker_src.training.metrics import Labels, ranking_metrics, threshold_at_fpr
from sagemaker_src.training.train import Trained, need_both, outcomes, version

TEST_SHARE = 0.2
"""Of the rows, those that are tested on."""

MOST_CATEGORIES = 500
"""A column of text with more values names things, each of which comes up a few times only, and is left."""


@dataclass(frozen=True)
class Table:
    """A table to train on.

    Attributes:
        columns: n rows: the features, of numbers, true and false, or text.
        label: n values, 1 for fraud.
        order: n values; later rows are tested on. None: rows are drawn at random.
    """

    columns: pd.DataFrame
    label: Labels
    order: pd.Series | None


def usable(columns: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The columns that can be features, and those that cannot: times, text of too many values, and what is the same in all rows.

    >>> usable(pd.DataFrame({"amount": [1.5, 2.0], "same": [1, 1], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])}))
    (['amount'], ['same', 'when'])
    """
    taken = [name for name in columns if _is_feature(columns[name])]
    return taken, [name for name in columns if name not in taken]


def _is_feature(values: pd.Series) -> bool:
    distinct = values.nunique()
    if pd.api.types.is_datetime64_any_dtype(values) or distinct + values.isna().any() < 2:
        return False
    return bool(pd.api.types.is_numeric_dtype(values)) or distinct <= MOST_CATEGORIES


def train_table(
    table: Table, settings: TrainingSettings, progress: Progress = silent, *, without_dominant: bool = False
) -> Trained:
    """Train on a table's earlier rows and test on its later ones; see the module.

    Args:
        table: whose columns are all `usable`.
        settings: how to train; a table has no label delay.
        progress: called after each boosting round.
        without_dominant: as `train_model` takes it.

    Raises:
        TrainingDataError: a part of the split has no fraud or no honest row.
    """
    rank = _rank(table, settings.seed)
    test = rank >= 1 - TEST_SHARE
    before = ~test
    validation = before & (rank >= (1 - TEST_SHARE) * (1 - settings.validation_share))
    label = table.label
    for part, which in ((before & ~validation, "fitting"), (validation, "validation"), (test, "test")):
        need_both(label[part], which)
    takes, vectors = _vectors(table.columns, before)

    fitted = before & ~validation
    candidate = fit(vectors[fitted], label[fitted], takes, settings, "choosing thresholds", progress)
    held_out = score(candidate, vectors[validation])
    thresholds = {
        "review": threshold_at_fpr(label[validation], held_out, settings.review_fpr),
        "block": threshold_at_fpr(label[validation], held_out, settings.block_fpr),
    }
    learnt = Rows(vectors[before], label[before])
    model = fit(*learnt, takes, settings, "fitting the model", progress)
    tested = score(model, vectors[test])
    leaks = leakage(
        model,
        takes,
        learnt,
        Rows(vectors[test], label[test]),
        settings,
        lambda scored: _metrics(label[test], scored),
        refit=without_dominant,
        progress=progress,
    )
    manifest = {
        "model_version": version(model, thresholds),
        **takes.manifest(),
        "thresholds": thresholds,
        "settings": asdict(settings),
        "metrics": {
            "validation": _metrics(label[validation], held_out),
            "test": _metrics(label[test], tested),
        },
        "outcomes": outcomes(label[test], tested, thresholds),
        "leakage": leaks,
        "data": {
            "rows": int(before.sum()),
            "frauds": int(label[before].sum()),
            "fingerprint": _fingerprint(table, before),
        },
        "xgboost": xgb.__version__,
    }
    scores = pd.DataFrame({"row": np.flatnonzero(test) + 1, "is_fraud": label[test], "score": tested})
    return Trained(model, manifest, scores)


def _rank(table: Table, seed: int) -> NDArray[np.float64]:
    """Where each row stands in the split, 0 to under 1; rows of one moment, or that are alike, stand together."""
    if table.order is not None:
        ranked: NDArray[np.float64] = (table.order.rank(method="min").to_numpy(np.float64) - 1) / len(table.label)
        return ranked
    alike = pd.util.hash_pandas_object(table.columns, index=False).to_numpy()
    values, group = np.unique(alike, return_inverse=True)
    drawn: NDArray[np.float64] = np.random.default_rng(seed).random(len(values))[group]
    return drawn


def _vectors(columns: pd.DataFrame, known: NDArray[np.bool_]) -> tuple[ModelInput, NDArray[np.float32]]:
    """What the model takes, with the categories of the known rows, and the vectors of all."""
    vectors = np.empty(columns.shape, dtype=np.float32)
    categories: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(columns):
        values = columns[name]
        if pd.api.types.is_numeric_dtype(values):
            vectors[:, place] = values.astype("float64").to_numpy()
            continue
        categories[name] = tuple(sorted(values[known].dropna().astype(str).unique()))
        vectors[:, place] = category_codes(values.astype(object), categories[name])
    vectors[np.isinf(vectors)] = np.nan  # the trees take no infinity
    return ModelInput(tuple(columns), categories), vectors


def _metrics(label: Labels, scored: NDArray[np.float32]) -> dict[str, Any]:
    metrics = ranking_metrics(label, scored, np.zeros(len(label), dtype=bool))
    return {name: value for name, value in metrics.items() if not name.startswith("first_fraud")}


def _fingerprint(table: Table, part: NDArray[np.bool_]) -> str:
    rows = pd.util.hash_pandas_object(table.columns[part].assign(label=table.label[part]), index=False)
    return hashlib.sha256(np.sort(rows.to_numpy()).tobytes()).hexdigest()[:16]
