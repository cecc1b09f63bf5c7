"""The plane in which rows are seen spread most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.quality.values import Matrix, Scale


class Plane:
    """The first two principal components of the reference rows.

    Args:
        reference: plain rows, that the plane is fitted to.
        others: plain rows that will be projected, too.
    """

    def __init__(self, reference: pd.DataFrame, others: pd.DataFrame) -> None:
        self._scale = Scale(reference, others)
        points = self._scale.points(reference)
        # Single rows far out would turn the plane towards themselves.
        points = np.clip(points, np.quantile(points, 0.01, axis=0), np.quantile(points, 0.99, axis=0))
        self._middle = points.mean(0)
        _, _, found = np.linalg.svd(points - self._middle, full_matrices=False)
        found = np.vstack([found, np.zeros((2, points.shape[1]))])[:2]
        # The sign of a direction means nothing: the greatest loading is made positive, so that the same rows give the same page.
        furthest = np.take_along_axis(found, np.abs(found).argmax(1)[:, None], axis=1)
        self._directions = found * np.where(furthest < 0, -1.0, 1.0)

    def project(self, rows: pd.DataFrame) -> Matrix:
        """n plain rows as (n, 2)."""
        return np.asarray((self._scale.points(rows) - self._middle) @ self._directions.T)
