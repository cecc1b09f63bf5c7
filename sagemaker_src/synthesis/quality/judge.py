"""The judge of utility: the project's own XGBoost, on the columns of any table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from sagemaker_src.synthesis.quality.values import Matrix, coded, is_number

THREADS = 1
"""Of one fit: several fits at once use several cores better, and the sums of one do not depend on how many there are."""


@dataclass(frozen=True)
class Sample:
    """n rows as the judge reads them, their labels (1: fraud) and weights."""

    rows: Matrix
    label: NDArray[np.float64]
    weight: NDArray[np.float64]

    def with_frauds(self, more: Matrix) -> Sample:
        """These and more rows that are labelled as frauds."""
        ones = np.ones(len(more))
        return Sample(
            np.concatenate([self.rows, more]),
            np.concatenate([self.label, ones]),
            np.concatenate([self.weight, ones]),
        )

    def balanced(self) -> Sample:
        """The same rows, the frauds weighted so that they weigh as much as the honest rows."""
        fraud = self.label == 1
        return Sample(self.rows, self.label, np.where(fraud, self.weight[~fraud].sum() / fraud.sum(), self.weight))

    def honest(self) -> Sample:
        """The honest rows alone."""
        kept = self.label == 0
        return Sample(self.rows[kept], self.label[kept], self.weight[kept])


class Judge:
    """Trains on rows, and says how well it finds the frauds among others.

    Args:
        reference: the plain rows of the real table: which columns there are, and which categories.
        rounds: of the boosted trees.
    """

    def __init__(self, reference: pd.DataFrame, rounds: int) -> None:
        self.rounds = rounds
        self.reference = reference
        self.types = ["q" if is_number(reference, name) else "c" for name in reference.columns]
        self.parameters = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_bin": 64,
            # Fewer and longer steps than the served model's, for there are a hundred fits.
            "eta": 0.2,
            "max_depth": 6,
            # As the served model's: with so few frauds a fitted base score and unbounded steps can diverge.
            "base_score": 0.5,
            "max_delta_step": 1,
            "seed": 1,
            "nthread": THREADS,
        }

    def matrix(self, rows: pd.DataFrame) -> Matrix:
        """Plain rows as the judge reads them: categories as codes, missing values as they are."""
        return coded(rows, self.reference)

    def average_precision(self, train: Sample, test: Sample) -> float:
        """Trains on rows and scores others."""
        made = xgb.QuantileDMatrix(
            train.rows,
            label=train.label,
            weight=train.weight,
            max_bin=self.parameters["max_bin"],
            feature_types=self.types,
            enable_categorical=True,
            nthread=THREADS,
        )
        model = xgb.train(self.parameters, made, self.rounds)
        scores = model.inplace_predict(test.rows.astype(np.float32), validate_features=False)
        return float(average_precision_score(test.label, scores, sample_weight=test.weight))

    def __str__(self) -> str:
        settings = ", ".join(
            f"{name} {self.parameters[name]}" for name in ("eta", "max_depth", "base_score", "max_delta_step")
        )
        return f"XGBoost {xgb.__version__}, {self.rounds} rounds, {settings}"
