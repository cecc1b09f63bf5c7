"""Columns under differential privacy: numbers scaled by bounds that are public, so that no fitted value is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

from sagemaker_src.synthesis.columns import Block
from sagemaker_src.synthesis.errors import SynthesisError

HALF = 2.0
"""Bounds become -HALF and HALF."""

Matrix = NDArray[np.float32]


class BoundedTransform:
    """As `TableTransform`, but all that it keeps of the rows is public: types, bounds, categories, and which columns lack values.

    >>> rows = pd.DataFrame({"amount": [1.0, 20.0], "shop": ["web", "store"]})
    >>> transform = BoundedTransform.fit(rows, {"amount": (0, 100)})
    >>> transform.forward(rows).astype(float).round(2).tolist()
    [[-1.96, 0.0, 1.0], [-1.2, 1.0, 0.0]]
    >>> transform.inverse(transform.forward(rows)).round(4).equals(rows)
    True
    """

    def __init__(self, columns: list[dict[str, Any]]) -> None:
        """Of each column: {"name", "dtype", "categories": list or null, "bounds": [least, most] or null, "missing": bool}."""
        self.columns = columns
        blocks: list[Block] = []
        for column in columns:
            for width, kind in _widths(column):
                start = blocks[-1].stop if blocks else 0
                blocks.append(Block(column["name"], start, start + width, kind))
        self.blocks = tuple(blocks)
        self.width = blocks[-1].stop if blocks else 0

    @classmethod
    def fit(cls, rows: pd.DataFrame, bounds: Mapping[str, tuple[float, float]] | None = None) -> BoundedTransform:
        """The transform of a table's columns.

        Raises:
            SynthesisError: a column of numbers has no bounds.
        """
        bounds = bounds or {}
        numbers = [name for name in rows if is_numeric_dtype(rows[name].dtype) and not is_bool_dtype(rows[name].dtype)]
        missing = [str(name) for name in numbers if name not in bounds]
        if missing:
            raise SynthesisError(
                f"with an epsilon each column of numbers needs public bounds, as the rows' own would tell about them; "
                f"missing: {', '.join(missing)}"
            )
        columns = []
        for name in rows:
            number = name in numbers
            categories = None if number else sorted(rows[name].dropna().unique().tolist(), key=str)
            columns.append(
                {
                    "name": name,
                    "dtype": str(rows[name].dtype),
                    "categories": categories,
                    "bounds": [float(bound) for bound in bounds[name]] if number else None,
                    "missing": bool(rows[name].isna().any()),
                }
            )
        return cls(columns)

    def forward(self, rows: pd.DataFrame, spread: np.random.Generator | None = None) -> Matrix:
        """The matrix (n, width) of n rows; numbers outside the bounds are cut. `spread` has nothing to do here."""
        matrix = np.zeros((len(rows), self.width), np.float32)
        at = 0
        for column in self.columns:
            values = rows[column["name"]]
            lacking = values.isna().to_numpy()
            if column["bounds"] is not None:
                least, most = column["bounds"]
                share = (values.astype("float64").fillna(least).to_numpy().clip(least, most) - least) / max(
                    most - least, 1e-300
                )
                matrix[:, at] = np.where(lacking, 0, (2 * share - 1) * HALF)
                at += 1
                if column["missing"]:
                    matrix[np.arange(len(rows)), at + lacking] = 1
                    at += 2
                continue
            known = {value: place for place, value in enumerate(column["categories"])}
            places = np.array(
                [len(known) if gone else known[value] for value, gone in zip(values, lacking, strict=True)]
            )
            matrix[np.arange(len(rows)), at + places] = 1
            at += len(known) + column["missing"]
        return matrix

    def inverse(self, matrix: Matrix) -> pd.DataFrame:
        """The n rows of a matrix (n, width), in columns, order, types and bounds."""
        made: dict[Any, pd.Series[Any]] = {}
        at = 0
        for column in self.columns:
            if column["bounds"] is not None:
                least, most = column["bounds"]
                value = np.clip(least + (matrix[:, at].astype(np.float64) / HALF + 1) / 2 * (most - least), least, most)
                at += 1
                lacking = np.zeros(len(matrix), bool)
                if column["missing"]:
                    lacking = matrix[:, at + 1] > matrix[:, at]
                    at += 2
                made[column["name"]] = _numbers(value, lacking, column["dtype"])
                continue
            categories = column["categories"] + [None] * column["missing"]
            chosen = matrix[:, at : at + len(categories)].argmax(1)
            made[column["name"]] = pd.Series([categories[place] for place in chosen], dtype=column["dtype"])
            at += len(categories)
        return pd.DataFrame(made, index=pd.RangeIndex(len(matrix)))

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON; it holds nothing that is not public."""
        return {"bounded": True, "columns": self.columns}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> BoundedTransform:
        """The transform that `to_json` wrote."""
        return cls(stored["columns"])


def _widths(column: dict[str, Any]) -> list[tuple[int, Any]]:
    if column["bounds"] is None:
        return [(len(column["categories"]) + column["missing"], "one-hot")]
    return [(1, "value"), (2, "one-hot")] if column["missing"] else [(1, "value")]


def _numbers(value: NDArray[np.float64], lacking: NDArray[np.bool_], dtype: str) -> pd.Series[Any]:
    whole = is_integer_dtype(dtype)
    column = pd.Series(np.rint(value) if whole else value)
    if lacking.any():
        column = column.mask(lacking)
    return column.astype("Int64" if whole and lacking.any() else dtype).astype(dtype)
