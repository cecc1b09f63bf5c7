"""Columns of categories: texts, truth values, pandas' categories. What comes out was there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.marginals import Marginal

MOST_ONE_HOT = 64
"""Up to so many categories have an element each; more share one score, the most frequent first."""
MISSING = -1


@dataclass(frozen=True, eq=False)
class CategoryColumn:
    """One column of k categories, the most frequent first; a missing value is a category of its own, the last.

    Its part of a row of the matrix: an element per category, 1 for the row's own; of more than `MOST_ONE_HOT` one normal score,
    in which each category has an interval as wide as its share. Nothing if there is but one.
    """

    name: str
    dtype: str
    categories: list[Any]
    counts: NDArray[np.int64]
    """Rows of each category, and of the missing values at the end if there are any."""
    pandas_categories: tuple[list[Any], str, bool] | None = None
    """Of pandas' categorical type: all of its categories, their type, whether they are ordered."""

    @classmethod
    def fit(cls, column: pd.Series[Any]) -> CategoryColumn:
        """Learns n values.

        Raises:
            SynthesisError: a value is neither text, number nor truth value.
        """
        name, plain = str(column.name), None
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = column.dtype.categories
            plain = _objects(name, pd.Series(known)), str(known.dtype), bool(column.dtype.ordered)
        present = column[column.notna()]
        counted = Counter(map(_key, _objects(name, present)))
        ordered = sorted(counted, key=lambda key: (-counted[key], key[0], str(key[1])))
        counts = [counted[key] for key in ordered] + [len(column) - len(present)] * (len(present) < len(column))
        dtype = "category" if plain else str(column.dtype)
        return cls(name, dtype, [key[1] for key in ordered], np.array(counts, np.int64), plain)

    @property
    def widths(self) -> dict[str, int]:
        """{kind of block: its width}."""
        if len(self.counts) < 2:
            return {}
        return {"value": 1} if self._marginal else {"one-hot": len(self.counts)}

    @cached_property
    def _marginal(self) -> Marginal | None:
        codes = np.arange(len(self.counts), dtype=np.int64)
        return Marginal(codes, self.counts, atoms_alone=True) if len(codes) > MOST_ONE_HOT else None

    @cached_property
    def _code(self) -> dict[tuple[str, Any], int]:
        return {_key(value): code for code, value in enumerate(self.categories)}

    @cached_property
    def _pool(self) -> Any:
        """The k categories as a pandas column of the fitted type."""
        if self.pandas_categories is None:
            return pd.Series(self.categories, dtype=object).astype(self.dtype).array
        values, dtype, ordered = self.pandas_categories
        kind = pd.CategoricalDtype(pd.Index(values, dtype=dtype), ordered)
        return pd.Series(self.categories, dtype=object).astype(dtype).astype(kind).array

    def forward(
        self, column: pd.Series[Any], part: NDArray[np.float32], spread: np.random.Generator | None = None
    ) -> None:
        """Writes n rows of the column into its part (n, width) of the matrix, which holds zeros; of an unknown one, zeros."""
        if not self.widths:
            return
        codes = np.full(len(column), len(self.categories) if len(self.counts) > len(self.categories) else MISSING)
        present = column.notna().to_numpy()
        codes[present] = [self._code.get(_key(value), MISSING) for value in _objects(self.name, column[present])]
        known = np.flatnonzero(codes != MISSING)
        if self._marginal:
            part[known, 0] = self._marginal.forward(codes[known], spread)
        else:
            part[known, codes[known]] = 1

    def empty(self, count: int) -> NDArray[np.int64]:
        """What `inverse` fills: which category each row has."""
        return np.zeros(count, np.int64)

    def inverse(self, part: NDArray[np.float32], into: NDArray[np.int64], rows: slice) -> None:
        """Fills some rows from their part (m, width) of the matrix: the category whose element is greatest."""
        if self._marginal:
            into[rows] = self._marginal.inverse(part[:, 0])
        elif self.widths:
            into[rows] = part.argmax(axis=1)

    def finished(self, filled: NDArray[np.int64]) -> Any:
        """The column of the filled categories, in its type."""
        pool = self._pool
        codes = np.where(filled < len(pool), filled, MISSING)
        taken = pool.take(codes, allow_fill=len(pool) < len(self.counts))
        return pd.Series(taken, dtype=pool.dtype, copy=False)  # an array of objects would be taken for texts

    def to_json(self) -> dict[str, Any]:
        """All of it, for `from_json`."""
        own = {"name": self.name, "dtype": self.dtype, "categories": self.categories, "counts": self.counts.tolist()}
        return {"kind": "category", **own, "pandas_categories": self.pandas_categories}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> CategoryColumn:
        """The column that `to_json` wrote."""
        known = stored["pandas_categories"] and tuple(stored["pandas_categories"])
        counts = np.array(stored["counts"], np.int64)
        return cls(stored["name"], stored["dtype"], stored["categories"], counts, known)


def _objects(name: str, present: pd.Series[Any]) -> list[Any]:
    """The values as Python's own; none is missing."""
    values = [value.item() if isinstance(value, np.generic) else value for value in present.tolist()]
    wrong = next((value for value in values if not isinstance(value, str | bool | int | float)), None)
    if wrong is not None:
        kinds = "texts, numbers, truth values and moments are allowed"
        raise SynthesisError(f"{name}: a value is a {type(wrong).__name__}; {kinds}")
    return values


def _key(value: Any) -> tuple[str, Any]:
    """Tells 1, 1.0 and true apart, which are equal in Python."""
    return type(value).__name__, value
