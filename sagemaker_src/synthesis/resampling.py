"""Plain resampling: the learned rows again, drawn with replacement. Copies, for comparison with what makes new rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.baselines import Baseline
from sagemaker_src.synthesis.columns import Matrix, TableTransform
from sagemaker_src.synthesis.storage import Arrays


class ResamplingGenerator(Baseline):
    """Gives the learned rows again, each as often as any other on average. A saved one holds them all."""

    KIND = "resampling"

    def _learn(self, rows: pd.DataFrame, transform: TableTransform, random: np.random.Generator) -> Arrays:
        return {"matrix": transform.forward(rows)}

    def _draw(self, transform: TableTransform, arrays: Arrays, count: int, random: np.random.Generator) -> Matrix:
        matrix: Matrix = arrays["matrix"]
        return matrix[random.integers(len(matrix), size=count)]
