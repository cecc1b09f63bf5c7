"""What all baselines have in common: they keep arrays of the learned rows' matrix, and draw matrices from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.columns import Matrix, TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.storage import Arrays, load_generator_parts, save_generator

ROWS_AT_ONCE = 65_536
"""Rows that are drawn at once: it bounds the memory, and is part of what a seed means."""


class Baseline(ABC):
    """A generator (see `sagemaker_src.synthesis.generators`) that learns in one step."""

    KIND: ClassVar[str]

    def __init__(self) -> None:
        """A generator that has learned nothing yet."""
        self._learned: tuple[TableTransform, Arrays, int] | None = None

    @abstractmethod
    def _learn(self, rows: pd.DataFrame, transform: TableTransform, random: np.random.Generator) -> Arrays:
        """What is kept of n rows."""

    @abstractmethod
    def _draw(self, transform: TableTransform, arrays: Arrays, count: int, random: np.random.Generator) -> Matrix:
        """A matrix (count, width) of new rows, from what was kept."""

    def settings(self) -> dict[str, Any]:
        """What the generator was made with."""
        return {}

    def fit(self, rows: pd.DataFrame, *, seed: int, progress: Progress, work: Path | None = None) -> None:
        """Learns n rows, in a step too short for checkpoints."""
        random = _random(seed)
        transform = TableTransform.fit(rows)
        self._learned = transform, self._learn(rows, transform, random), seed
        progress("rows learned", len(rows), len(rows))

    def sample(self, count: int, seed: int) -> pd.DataFrame:
        """So many new rows.

        Raises:
            SynthesisError: nothing was learned yet, or the count or the seed is negative.
        """
        transform, arrays, _ = self._known()
        if count < 0:
            raise SynthesisError(f"rows: {count} is negative; 0 or more is allowed")
        random = _random(seed)
        matrix = np.empty((count, transform.width), np.float32)
        for start in range(0, count, ROWS_AT_ONCE):
            some = slice(start, min(start + ROWS_AT_ONCE, count))
            matrix[some] = self._draw(transform, arrays, some.stop - start, random)
        return transform.inverse(matrix)

    def save(self, folder: Path) -> None:
        """Writes the generator into a folder."""
        transform, arrays, seed = self._known()
        save_generator(folder, self.KIND, transform, arrays, settings=self.settings(), seed=seed)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The generator that was saved there."""
        described, transform, arrays = load_generator_parts(folder)
        made = cls(**described["settings"])
        made._learned = transform, arrays, described["seed"]
        return made

    def _known(self) -> tuple[TableTransform, Arrays, int]:
        if self._learned is None:
            raise SynthesisError("the generator has learned nothing yet; fit it, or load one")
        return self._learned


def _random(seed: int) -> np.random.Generator:
    if seed < 0:
        raise SynthesisError(f"seed: {seed} is negative; 0 or more is allowed")
    return np.random.default_rng(seed)
