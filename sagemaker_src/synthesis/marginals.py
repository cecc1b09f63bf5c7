"""One column's distribution, as its fitted values and their normal scores: there and exactly back again.

The score of a value is the standard normal quantile of its place among the fitted rows (the middle of its place, for ties).
Between two fitted values the way back is linear. A value that stands in many rows (0, 1.00, an hour) is an **atom**: it keeps its
whole interval of scores, as wide as its share, and nothing is made up inside. A column of few values has atoms alone.

Scores are rounded to a lattice, which is as fine as it must be to tell all fitted values apart: so float32 holds them exactly,
the way back is exact for each fitted value, and where the lattice is coarse enough one look into a table gives value and slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

ATOM_SHARE, ATOM_ROWS = 0.01, 3
"""A value is an atom if it stands in so large a share of the rows, and in so many."""
ROWS_PER_VALUE = 5
"""A column whose values stand in so many rows on average has atoms alone."""
FURTHEST = 6.5
"""Scores end there: that of the least of a billion rows is -6.1."""
COARSEST, FINEST_TABLE, FINEST = 9, 14, 20
"""Binary places of the lattice: the fewest, the most that a table is made for, the most (float32 holds 6.5 with 21)."""
EXACT = 2**53
"""Whole numbers below it are exact as float64."""

Values = NDArray[Any]
"""float64, or int64 for whole numbers."""


@dataclass(frozen=True, eq=False)
class Marginal:
    """m distinct values in rising order (float64, or int64 for whole numbers), and in how many rows each stands.

    >>> amounts = Marginal.of(np.array([1.0] * 50 + [2.0 + row for row in range(50)]))
    >>> amounts.inverse(amounts.forward(np.array([1.0, 2.0, 51.0]))).tolist()
    [1.0, 2.0, 51.0]
    >>> amounts.inverse(np.array([-3, -1, -0.01, 3], np.float32)).tolist()
    [1.0, 1.0, 1.0, 51.0]
    """

    values: Values
    counts: NDArray[np.int64]
    atoms_alone: bool = False
    """Whether every value is an atom, however rare."""

    @classmethod
    def of(cls, column: Values) -> Marginal:
        """The distribution of a column's n values, at least one; none is missing or infinite."""
        values, counts = np.unique(column, return_counts=True)
        return cls(values, counts.astype(np.int64))

    @cached_property
    def atoms(self) -> NDArray[np.bool_]:
        """Which of the m values are atoms."""
        rows = self.counts.sum()
        if self.atoms_alone or rows >= ROWS_PER_VALUE * len(self.values):
            return np.ones(len(self.values), bool)
        return np.asarray((self.counts >= ATOM_ROWS) & (self.counts >= ATOM_SHARE * rows))

    @cached_property
    def _lattice(self) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
        """Binary places, and on that lattice the scores of the m values and of the m - 1 borders between them."""
        upto = np.cumsum(self.counts)
        middles = ndtri((upto - self.counts / 2) / upto[-1])
        borders = ndtri(upto[:-1] / upto[-1])
        beside_atom = self.atoms[:-1] | self.atoms[1:]
        for places in range(COARSEST, FINEST + 1):
            scores, edges = (np.rint(each * 2.0**places).astype(np.int64) for each in (middles, borders))
            if (np.diff(scores) > 0).all() and (edges > scores[:-1])[beside_atom].all():
                break
        return places, scores, edges

    @cached_property
    def _nodes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places on the lattice, rising, and which value holds from there: an atom has two, its borders, others one."""
        _, scores, edges = self._lattice
        lows = np.where(self.atoms, np.concatenate((scores[:1], edges)), scores)
        highs = np.where(self.atoms, np.concatenate((edges, scores[-1:])), scores)
        return np.stack((lows, highs), axis=1).ravel(), np.repeat(np.arange(len(self.values)), 2)

    @cached_property
    def _slopes(self) -> NDArray[np.float64]:
        """What is added to each node's value per place on the lattice; 0 from an atom's first node, and after the last."""
        places, which = self._nodes
        values = self.values[which].astype(np.float64)
        width = np.diff(places)
        slopes = np.divide(np.diff(values), width, out=np.zeros(len(width)), where=width > 0)
        return np.append(slopes * (1 - 2.0**-50), 0.0)  # never past the next value, for all that float64 rounds

    @cached_property
    def _table(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Value and slope at each place of the lattice, from the first score to the last; None if there are too many."""
        bits, scores, _ = self._lattice
        whole = self.values.dtype.kind == "i"
        if bits > FINEST_TABLE or (whole and np.abs(self.values.astype(np.float64)).max() >= EXACT):
            return None
        cells = np.arange(scores[0], scores[-1] + 1)
        places, which = self._nodes
        node = np.searchsorted(places, cells, side="right") - 1
        slopes = self._slopes[node]
        return self.values[which][node] + slopes * (cells - places[node]), slopes

    def forward(self, column: Values, spread: np.random.Generator | None = None) -> NDArray[np.float32]:
        """The scores of n values; one that was not fitted lies between its neighbours, or with the outermost value.

        Args:
            spread: draws the score of an atom anywhere in its interval, so that all scores are normally distributed; without it
                an atom's score is the middle of its interval.
        """
        bits, scores, _ = self._lattice
        at = np.minimum(np.searchsorted(self.values, column), len(self.values) - 1)
        found = scores[at].astype(np.float64)
        other = self.values[at] != column
        if other.any():
            found[other] -= self._before_next(column[other], at[other])
        found /= 2.0**bits
        if spread is not None:
            inside = self.atoms[at] & ~other
            found[inside] = self._spread(at[inside], spread)
        scored: NDArray[np.float32] = found.astype(np.float32)
        return scored

    def _before_next(self, column: Values, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """How many of the lattice's steps each value's score lies before that of the next fitted value, `at`."""
        scores, values = self._lattice[1], self.values.astype(np.float64)
        last = np.maximum(at - 1, 0)
        gap = values[at] - values[last]
        share = np.divide(values[at] - column, gap, out=np.zeros(len(at)), where=gap > 0)
        before: NDArray[np.float64] = np.clip(share, 0, 1) * (scores[at] - scores[last])
        return before

    def _spread(self, at: NDArray[np.intp], spread: np.random.Generator) -> NDArray[np.float32]:
        bits, _, edges = self._lattice
        far = int(FURTHEST * 2**bits)
        borders = (np.concatenate(([-far], edges, [far])) / 2.0**bits).astype(np.float32)
        upto = np.concatenate(([0], np.cumsum(self.counts)))
        place = (upto[at] + spread.random(len(at)) * self.counts[at]) / upto[-1]
        last = np.nextafter(borders[at + 1], np.float32(-np.inf))
        scored: NDArray[np.float32] = np.clip(ndtri(place).astype(np.float32), borders[at], last)
        return scored

    def inverse(self, scores: NDArray[np.float32]) -> Values:
        """The values of n scores, never past the outermost fitted ones; float64 or int64, as fitted."""
        bits, fitted, _ = self._lattice
        place = scores * np.float32(2**bits)
        np.clip(place, fitted[0], fitted[-1], out=place)
        if self._table is None:
            return self._of_nodes(place)
        cell = np.floor(place)  # before anything is subtracted, which would round
        place -= cell
        values, slopes = self._table
        cells = cell.astype(np.intp)
        cells -= fitted[0]
        found: Values = slopes.take(cells)
        found *= place
        found += values.take(cells)
        if self.values.dtype.kind == "i":
            return np.rint(found).astype(np.int64)
        np.minimum(found, self.values[-1], out=found)  # float64 rounds
        return found

    def _of_nodes(self, place: NDArray[np.float32]) -> Values:
        places, which = self._nodes
        node = np.searchsorted(places, place, side="right") - 1
        more = self._slopes[node] * (place - places[node])
        values: Values = self.values[which][node]
        if values.dtype.kind == "f":
            values += more
            return values
        half = np.rint(more / 2).astype(np.int64)  # two values may be further apart than an int64 holds
        values += half
        values += np.rint(more - half).astype(np.int64)
        return values

    def to_json(self) -> dict[str, Any]:
        """{"values": [...], "counts": [...], "whole": whether they are whole numbers}."""
        whole = self.values.dtype.kind == "i"
        return {"values": self.values.tolist(), "counts": self.counts.tolist(), "whole": whole}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Marginal:
        """The distribution that `to_json` wrote."""
        values = np.array(stored["values"], dtype=np.int64 if stored["whole"] else np.float64)
        return cls(values, np.array(stored["counts"], dtype=np.int64))
