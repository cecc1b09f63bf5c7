"""Tables as matrices of normal scores and 0/1 elements, and exactly back: what every generator learns and samples in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.category_columns import CategoryColumn
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.number_columns import NumberColumn, is_moment

VERSION = 1
ROWS_AT_ONCE = 16_384
"""Rows that a thread turns back at once: what it touches stays in its processor's cache."""

Kind = Literal["value", "one-hot"]
Column = NumberColumn | CategoryColumn
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """Elements [start, stop) of a matrix's rows: a column's normal score, or its 0/1 elements, of which one is 1."""

    column: str
    start: int
    stop: int
    kind: Kind


class TableTransform:
    """What turns rows of one table into a matrix, and a matrix into rows of that table.

    Attributes:
        columns: in the table's order.
        blocks: what the elements of a row of the matrix are, in their order.
        width: how many elements there are; 0 if every column is constant.

    >>> rows = pd.DataFrame({"amount": [0.0, 0.0, 12.34, 99.99], "shop": ["web", None, "web", "store"], "kind": 1})
    >>> transform = TableTransform.fit(rows)
    >>> [(block.column, block.stop - block.start, block.kind) for block in transform.blocks]
    [('amount', 1, 'value'), ('shop', 3, 'one-hot')]
    >>> transform.inverse(transform.forward(rows)).equals(rows)
    True
    """

    def __init__(self, columns: tuple[Column, ...]) -> None:
        """The transform of these columns; `fit` and `from_json` make them."""
        self.columns = columns
        blocks: list[Block] = []
        for column in columns:
            for kind, width in column.widths.items():
                start = blocks[-1].stop if blocks else 0
                blocks.append(Block(column.name, start, start + width, "value" if kind == "value" else "one-hot"))
        self.blocks = tuple(blocks)
        self.width = blocks[-1].stop if blocks else 0

    @classmethod
    def fit(cls, rows: pd.DataFrame, bounds: Mapping[str, tuple[float, float]] | None = None) -> TableTransform:
        """Learns the columns of a table.

        Args:
            rows: at least one; every one of them is learned.
            bounds: {column of numbers: (least, most)}; what lies outside is cut. Without, its own least and most are its bounds.

        Raises:
            SynthesisError: there is no row or no column, a column's type or a value cannot be learned, or a bound is wrong.
        """
        if not len(rows) or not len(rows.columns):
            raise SynthesisError(f"nothing can be learned of {len(rows)} rows x {len(rows.columns)} columns")
        twice = rows.columns[rows.columns.duplicated()]
        if len(twice):
            raise SynthesisError(f"{twice[0]}: two columns have this name; each needs its own")
        _check_bounds(rows, bounds or {})
        return cls(tuple(_fitted(rows[name], (bounds or {}).get(name)) for name in rows.columns))

    def forward(self, rows: pd.DataFrame, spread: np.random.Generator | None = None) -> Matrix:
        """The matrix (n, width) of n rows, fitted or not; a value that was not fitted gets a score between its neighbours'.

        Args:
            spread: draws the score of a repeated value (an atom) anywhere in its interval, so that scores are normally
                distributed whatever the column; the way back is as exact. Without it each repeated value has one score.

        Raises:
            SynthesisError: a column is missing, or a value is of another type.
        """
        matrix = np.zeros((len(rows), self.width), np.float32)
        lacking = [column.name for column in self.columns if column.name not in rows]
        if lacking:
            raise SynthesisError(f"{lacking[0]}: no such column; there are {', '.join(map(str, rows.columns))}")

        def turn(column: Column, part: slice) -> None:
            column.forward(rows[column.name], matrix[:, part], spread)

        with ThreadPoolExecutor(
            _threads() if spread is None else 1
        ) as threads:  # draws are in the order of the columns
            list(threads.map(turn, *zip(*self._parts(), strict=True)))
        return matrix

    def inverse(self, matrix: Matrix) -> pd.DataFrame:
        """The n rows of a matrix (n, width), in the columns, their order, types and bounds of the fitted rows.

        Scores are best normally distributed; of 0/1 elements the greatest counts. Same matrix, same rows, on any number of
        threads.

        Raises:
            SynthesisError: the matrix has another width, or not all of it are numbers.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.width:
            raise SynthesisError(f"a matrix of shape {matrix.shape} was given; (rows, {self.width}) is needed")
        filled: list[Any] = [column.empty(len(matrix)) for column in self.columns]
        parts = self._parts()

        def turn_back(start: int) -> None:
            some = slice(start, start + ROWS_AT_ONCE)
            piece = np.asarray(matrix[some], np.float32)
            if not np.isfinite(piece).all():
                raise SynthesisError("the generator made elements that are no finite numbers: it has learned nothing")
            for (column, part), into in zip(parts, filled, strict=True):
                column.inverse(piece[:, part], into, some)

        with ThreadPoolExecutor(_threads()) as threads:
            list(threads.map(turn_back, range(0, len(matrix), ROWS_AT_ONCE)))
        made = {column.name: column.finished(into) for column, into in zip(self.columns, filled, strict=True)}
        return pd.DataFrame(made, index=pd.RangeIndex(len(matrix)), copy=False)

    def flag_of(self, block: Block) -> Block | None:
        """The block (present, missing) that says in which rows a value counts; None if the column has a value in every row."""
        before = self.blocks[self.blocks.index(block) - 1] if block.kind == "value" and block.start else None
        return before if before and before.column == block.column else None

    def _parts(self) -> list[tuple[Column, slice]]:
        parts, start = [], 0
        for column in self.columns:
            stop = start + sum(column.widths.values())
            parts.append((column, slice(start, stop)))
            start = stop
        return parts

    def to_json(self) -> dict[str, Any]:
        """All of it, ready for JSON: fitted values and their counts are in it, so it is as secret as the rows."""
        return {"version": VERSION, "columns": [column.to_json() for column in self.columns]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TableTransform:
        """The transform that `to_json` wrote.

        Raises:
            SynthesisError: it was written by another version.
        """
        if stored.get("version") != VERSION:
            raise SynthesisError(f"the transform has version {stored.get('version')}; {VERSION} is read here")
        kinds: dict[str, type[Column]] = {"number": NumberColumn, "category": CategoryColumn}
        return cls(tuple(kinds[column["kind"]].from_json(column) for column in stored["columns"]))


def _threads() -> int:
    return min(os.cpu_count() or 1, 8)


def _is_number(dtype: Any) -> bool:
    return is_moment(dtype) or (pd.api.types.is_numeric_dtype(dtype) and dtype.kind in "iuf")


def _fitted(column: pd.Series[Any], bounds: tuple[float, float] | None) -> Column:
    if _is_number(column.dtype):
        return NumberColumn.fit(column, bounds)
    return CategoryColumn.fit(column)


def _check_bounds(rows: pd.DataFrame, bounds: Mapping[str, tuple[float, float]]) -> None:
    for name, (least, most) in bounds.items():
        if name not in rows or not _is_number(rows[name].dtype) or is_moment(rows[name].dtype):
            numbers = [str(each) for each in rows if _is_number(rows[each].dtype) and not is_moment(rows[each].dtype)]
            raise SynthesisError(
                f"bounds of {name}: no such column of numbers; there are {', '.join(numbers) or 'none'}"
            )
        if not least <= most:
            raise SynthesisError(f"bounds of {name}: {least} is not below {most}")
