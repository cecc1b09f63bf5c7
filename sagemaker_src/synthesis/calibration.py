"""A fixed rising map of each generated element, after which it is normally distributed as the columns' transform expects it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

CELLS = 2048

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Of k columns of a matrix: which, and a table of what each becomes.

    Attributes:
        columns: (k) places in a row.
        low, scale: (k) the first place of each table, and its cells per unit.
        table: (k, CELLS + 1) the normal score at each place; linear in between, and never past its ends.
    """

    columns: NDArray[np.int64]
    low: Matrix
    scale: Matrix
    table: Matrix

    @classmethod
    def of(cls, made: Matrix, columns: NDArray[np.int64], flags: NDArray[np.int64]) -> Calibration:
        """The map under which made rows (n, width) become normally distributed in each of these columns.

        Args:
            flags: (k) of each column the element that is 1 where its value is there; -1 if it always is.
        """
        low, scale, table = [], [], []
        for column, flag in zip(columns, flags, strict=True):
            there = made[:, column] if flag < 0 else made[made[:, flag] > 0, column]
            ordered = np.sort(there) if len(there) else np.zeros(1, np.float32)
            rows = len(ordered)
            span = max(float(ordered[-1] - ordered[0]), 1e-6)
            places = ordered[0] + np.arange(CELLS + 1) * (span / CELLS)
            below = (np.searchsorted(ordered, places, "left") + np.searchsorted(ordered, places, "right")) / 2
            table.append(ndtri(np.clip(below, 0.5, rows - 0.5) / rows).astype(np.float32))
            low.append(ordered[0])
            scale.append(CELLS / span)
        return cls(
            np.asarray(columns, np.int64),
            np.array(low, np.float32),
            np.array(scale, np.float32),
            np.array(table, np.float32).reshape(-1, CELLS + 1),
        )

    @cached_property
    def _steps(self) -> Matrix:
        return np.diff(self.table, axis=1)

    def apply(self, made: Matrix) -> Matrix:
        """Calibrates rows (n, width) where they stand, and returns them."""
        for which, column in enumerate(self.columns):
            place = made[:, column] - self.low[which]
            place *= self.scale[which]
            np.clip(place, 0, CELLS - 0.001, out=place)
            cell = place.astype(np.int32)
            place -= cell
            place *= self._steps[which].take(cell)
            place += self.table[which].take(cell)
            made[:, column] = place
        return made
