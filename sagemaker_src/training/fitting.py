"""Fitting the trees on vectors, and scoring with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from fraud.model_input import ModelInput
from sagemaker_src.training.metrics import Labels

Progress = Callable[[str, int, int], None]
"""Called with (what is being fitted, rounds done, rounds in all)."""


class TrainingSettingsError(ValueError):
    """A setting outside its range: names the option, its value and what is allowed."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        rounds, eta, max_depth, min_child_weight, subsample, colsample_bytree, reg_lambda: of the boosted trees, as XGBoost names
            them; `fraud.search_space` says what each does. Rounds are fixed: at half a percent of fraud, early stopping
            on average precision stops at the first tree.
        honest_rows: how many honest rows to fit on at most. They are sampled and weighted back up, so scores keep their meaning;
            every fraud is kept. More rows cost time and gain under .001 of average precision.
        review_fpr, block_fpr: the share of honest transactions that may be reviewed or blocked (blocked ones are part of both).
        label_delay_days: how long a fraud takes to be reported; rows younger than that are not trained on.
        validation_share: of the time before the test, the last share, for choosing thresholds.

    Raises:
        TrainingSettingsError: one is outside its range.
    """

    rounds: int = 500
    eta: float = 0.08
    max_depth: int = 6
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_lambda: float = 1.0
    honest_rows: int = 300_000
    review_fpr: float = 0.01
    block_fpr: float = 0.001
    label_delay_days: float = 7.0
    validation_share: float = 0.2
    seed: int = 1

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                option = "--" + name.replace("_", "-")
                raise TrainingSettingsError(f"{option}: {value:,}; allowed: {least:,} to {most:,}")
        if self.block_fpr > self.review_fpr:
            raise TrainingSettingsError(
                f"--block-fpr: {self.block_fpr} is over --review-fpr, {self.review_fpr}; blocked ones are part of both"
            )


_RANGES: dict[str, tuple[float, float]] = {
    "rounds": (1, 5_000),
    "eta": (0.001, 1),
    "max_depth": (1, 16),
    "min_child_weight": (0, 10_000),
    "subsample": (0.1, 1),
    "colsample_bytree": (0.1, 1),
    "reg_lambda": (0, 10_000),
    "honest_rows": (1, 10**9),
    "review_fpr": (0, 0.5),
    "block_fpr": (0, 0.5),
    "label_delay_days": (0, 3_660),
    "validation_share": (0.01, 0.9),
    "seed": (0, 2**32 - 1),
}


def silent(what: str, done: int, total: int) -> None:
    """The default: no progress shown."""


class _Rounds(xgb.callback.TrainingCallback):
    def __init__(self, what: str, total: int, progress: Progress) -> None:
        self.what, self.total, self.progress = what, total, progress

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self.progress(self.what, epoch + 1, self.total)
        return False


def matrix(vectors: NDArray[np.float32], takes: ModelInput, **of_rows: Any) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        vectors,
        feature_names=list(takes.names),
        feature_types=list(takes.types),
        enable_categorical=True,
        **of_rows,
    )


def sampled(label: Labels, settings: TrainingSettings) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of n rows are fitted on, and the weight of each of those: honest rows stand for the ones left out.

    >>> kept, weight = sampled(np.array([1, 0, 0, 0]), TrainingSettings(honest_rows=1, seed=3))
    >>> kept.tolist(), weight.tolist()
    ([True, True, False, False], [1.0, 3.0])
    """
    honest = int((label == 0).sum())
    share = min(1.0, settings.honest_rows / max(honest, 1))
    kept = (label == 1) | (np.random.default_rng(settings.seed).random(len(label)) < share)
    return kept, np.where(label[kept] == 1, 1.0, 1.0 / share)


def fit(
    vectors: NDArray[np.float32],
    label: Labels,
    takes: ModelInput,
    settings: TrainingSettings,
    what: str,
    progress: Progress,
    *,
    threads: int | None = None,
    watched_by: Sequence[xgb.callback.TrainingCallback] = (),
) -> xgb.Booster:
    """Fit the trees on n rows: every fraud, and at most `honest_rows` of the others, weighted for those left out.

    Args:
        vectors: float32 of shape (n, len(takes.names)).
        label: n, 1 is fraud.
        takes: the features and categories of the vectors.
        settings: how to train.
        what, progress: what is said after each round.
        threads: of XGBoost; None: all that this process may have.
        watched_by: called after each round besides; they may raise to end the fit.
    """
    kept, weight = sampled(label, settings)
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "eta": settings.eta,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "reg_lambda": settings.reg_lambda,
        # With so few frauds a fitted base score and unbounded steps can diverge.
        "base_score": 0.5,
        "max_delta_step": 1,
        "seed": settings.seed,
        "nthread": threads or len(os.sched_getaffinity(0)),
    }
    return xgb.train(
        parameters,
        matrix(vectors[kept], takes, label=label[kept], weight=weight),
        settings.rounds,
        callbacks=[_Rounds(what, settings.rounds, progress), *watched_by],
    )


def score(model: xgb.Booster, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of fraud of n rows, in pieces so that memory stays bounded."""
    pieces = [
        model.inplace_predict(vectors[start : start + 200_000], validate_features=False)
        for start in range(0, len(vectors), 200_000)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.float32)
