"""The judge of utility: the project's own XGBoost, on the columns of any table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from sagemaker_src.synthesis.quality.values import Matrix, coded, is_number

THREADS = 2
"""Always so many, however many there are: sums of floats, and so scores, depend on it."""


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

    def average_precision(
        self,
        train: tuple[Matrix, NDArray[np.float64], NDArray[np.float64]],
        test: tuple[Matrix, NDArray[np.float64], NDArray[np.float64]],
    ) -> float:
        """Trains on (rows, label, weight) and scores others; the weights stand for honest rows that were left out."""
        rows, label, weight = train
        made = xgb.QuantileDMatrix(
            rows, label=label, weight=weight, feature_types=self.types, enable_categorical=True, nthread=THREADS
        )
        model = xgb.train(self.parameters, made, self.rounds)
        scores = model.inplace_predict(test[0].astype(np.float32), validate_features=False)
        return float(average_precision_score(test[1], scores, sample_weight=test[2]))

    def __str__(self) -> str:
        settings = ", ".join(
            f"{name} {self.parameters[name]}" for name in ("eta", "max_depth", "base_score", "max_delta_step")
        )
        return f"XGBoost {xgb.__version__}, {self.rounds} rounds, {settings}"
