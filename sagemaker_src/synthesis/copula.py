"""A Gaussian copula: every column's own distribution, and one correlation between any two."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sagemaker_src.synthesis.baselines import Baseline
from sagemaker_src.synthesis.columns import Block, Matrix, TableTransform
from sagemaker_src.synthesis.marginals import Marginal
from sagemaker_src.synthesis.storage import Arrays

LEAST_EIGENVALUE = 1e-6
"""Keeps the correlations positive definite, even those of columns that say the same."""


class CopulaGenerator(Baseline):
    """Draws correlated normal scores.

    A category is where its column's score falls between thresholds that give each its share; so is whether a value is missing.
    """

    KIND = "copula"

    def _learn(self, rows: pd.DataFrame, transform: TableTransform, random: np.random.Generator) -> Arrays:
        matrix = transform.forward(rows, spread=random)
        scores = np.empty((len(rows), len(transform.blocks)), np.float64)
        counts: Arrays = {}
        for place, block in enumerate(transform.blocks):
            part = matrix[:, block.start : block.stop]
            if block.kind == "one-hot":
                codes = part.argmax(axis=1)
                counts[f"counts_{place}"] = np.bincount(codes, minlength=block.stop - block.start)
                scores[:, place] = _thresholds(counts[f"counts_{place}"]).forward(codes, random)
            else:
                scores[:, place] = np.where(_missing(matrix, transform.flag_of(block)), np.nan, part[:, 0])
        return counts | {"correlations": _shrunk_correlations(scores)}

    def _draw(self, transform: TableTransform, arrays: Arrays, count: int, random: np.random.Generator) -> Matrix:
        matrix = np.zeros((count, transform.width), np.float32)
        independent = random.standard_normal((count, len(transform.blocks)))
        with threadpool_limits(limits=1, user_api="blas"):  # the number of threads would change the last digits
            scores = (independent @ np.linalg.cholesky(arrays["correlations"]).T).astype(np.float32)
        for place, block in enumerate(transform.blocks):
            if block.kind == "one-hot":
                codes = _thresholds(arrays[f"counts_{place}"]).inverse(scores[:, place])
                matrix[np.arange(count), block.start + codes] = 1
            else:
                matrix[:, block.start] = scores[:, place]
        return matrix


def _thresholds(counts: NDArray[np.int64]) -> Marginal:
    return Marginal(np.arange(len(counts), dtype=np.int64), counts, atoms_alone=True)


def _missing(matrix: Matrix, flag: Block | None) -> NDArray[np.bool_]:
    return np.zeros(len(matrix), bool) if flag is None else matrix[:, flag.start] == 0


def _shrunk_correlations(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlations (d, d) of n rows of d scores, shrunk towards none by as much as so few rows leave them uncertain.

    Schäfer and Strimmer, "A shrinkage approach to large-scale covariance matrix estimation", 2005. A missing score (NaN) counts
    for none of its correlations; as these need not go together then, they are shrunk until they do.
    """
    there = ~np.isnan(scores)
    rows = np.maximum(_products(there.astype(np.float64)), 1)
    means, deviations = np.nanmean(scores, axis=0), np.nanstd(scores, axis=0)
    standard = np.where(there, (scores - means) / np.where(deviations > 0, deviations, 1), 0)
    found = np.clip(_products(standard) / rows, -1, 1)
    np.fill_diagonal(found, 1.0)
    uncertain = np.maximum(_products(standard**2) / rows - found**2, 0) / np.maximum(rows - 1, 1)
    apart = ~np.eye(len(found), dtype=bool)
    certain = float((found[apart] ** 2).sum())
    shrinkage = float(uncertain[apart].sum()) / certain if certain else 1.0
    with threadpool_limits(limits=1, user_api="blas"):
        least = float(np.linalg.eigvalsh(found)[0]) if len(found) else 1.0
    shrinkage = min(max(shrinkage, LEAST_EIGENVALUE, (LEAST_EIGENVALUE - least) / (1 - least) if least < 1 else 0), 1.0)
    shrunk: NDArray[np.float64] = (1 - shrinkage) * found
    np.fill_diagonal(shrunk, 1.0)
    return shrunk


def _products(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums (d, d) of the products of any two columns (n, d); unlike a matrix product's they do not depend on the threads."""
    sums: NDArray[np.float64] = np.einsum("ri,rj->ij", columns, columns)
    return sums
