"""SMOTE: new rows on the lines between learned rows and their nearest neighbours, in the space of the transform.

Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique", 2002. Elements of 0 and 1 come from the nearer end.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sagemaker_src.synthesis.baselines import Baseline
from sagemaker_src.synthesis.columns import Block, Matrix, TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.storage import Arrays


class SmoteGenerator(Baseline):
    """Interpolates between rows and one of their nearest neighbours.

    Of fewer rows than `neighbours` + 1 all others are neighbours; a single row is its own, and is given again. A saved generator
    holds the learned rows.
    """

    KIND = "smote"

    def __init__(self, neighbours: int = 5) -> None:
        """A generator that has learned nothing yet.

        Args:
            neighbours: of how many nearest rows one is drawn; at least 1.

        Raises:
            SynthesisError: there are fewer.
        """
        super().__init__()
        if neighbours < 1:
            raise SynthesisError(f"neighbours: {neighbours} is too few; 1 or more are allowed")
        self._neighbours = neighbours

    def settings(self) -> dict[str, int]:
        """{"neighbours": ...}."""
        return {"neighbours": self._neighbours}

    def _learn(self, rows: pd.DataFrame, transform: TableTransform, random: np.random.Generator) -> Arrays:
        matrix = transform.forward(rows)
        return {"matrix": matrix, "neighbours": _nearest(matrix, transform.blocks, self._neighbours)}

    def _draw(self, transform: TableTransform, arrays: Arrays, count: int, random: np.random.Generator) -> Matrix:
        matrix, neighbours = arrays["matrix"], arrays["neighbours"]
        first = random.integers(len(matrix), size=count)
        second = neighbours[first, random.integers(neighbours.shape[1], size=count)]
        share = random.random((count, 1), dtype=np.float32)
        one, other = matrix[first], matrix[second]
        drawn: Matrix = np.where(share < 0.5, one, other)
        for block in transform.blocks:
            if block.kind == "value":
                at = block.start
                ends = _both(one, other, at, transform.flag_of(block))
                drawn[:, at] = ends[0] + share[:, 0] * (ends[1] - ends[0])
        return drawn


def _nearest(matrix: Matrix, blocks: tuple[Block, ...], most: int) -> NDArray[np.intp]:
    """(n, k): the nearest others of each row; of a single row, itself. Two categories that differ are 1 apart."""
    count = len(matrix)
    k = min(most, count - 1)
    if k == 0 or not blocks:
        return np.zeros((count, 1), np.intp)
    scaled = matrix.astype(np.float64)
    for block in blocks:
        if block.kind == "one-hot":
            scaled[:, block.start : block.stop] *= np.sqrt(0.5)
    found = cKDTree(scaled).query(scaled, k=k + 1)[1]
    itself = found == np.arange(count)[:, None]
    itself[~itself.any(axis=1), -1] = True  # more twins than neighbours: the row itself was not found among them
    others: NDArray[np.intp] = found[~itself].reshape(count, k)
    return others


def _both(one: Matrix, other: Matrix, at: int, flag: Block | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The scores at both ends of the lines; where one end has no value, the other's is taken."""
    if flag is None:
        return one[:, at], other[:, at]
    here, there = one[:, flag.start] == 1, other[:, flag.start] == 1
    return np.where(here, one[:, at], other[:, at]), np.where(there, other[:, at], one[:, at])
