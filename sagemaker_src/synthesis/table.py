"""Tables that synthesis learns from: any table with a column that says which rows are fraud."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.card_numbers import holds_card_number, mask_certain
from sagemaker_src.synthesis.errors import SynthesisError

LISTED = 20
"""Names and values that an error lists at most."""
IDENTIFIER_ROWS = 20
"""A column of texts that are all distinct is taken for an identifier from so many rows."""
SHORTEST_CARD, LONGEST_CARD = 1e11, 1e20
"""Numbers of 12 to 20 digits are looked at: a fraction or a smaller number is no card's."""


MOST_LABELS = 20
"""Different values of a label: fraud, and kinds of what is none. A column with more is an amount, or names something."""


@dataclass(frozen=True)
class FraudTable:
    """A table with its label apart.

    Attributes:
        rows: n rows, without the label's column, in the order of the file; numbered from 0.
        fraud: which of the n rows are fraud.
        label: name of the label's column.
        positive: the label's value that says fraud, as text.
    """

    rows: pd.DataFrame
    fraud: NDArray[np.bool_]
    label: str
    positive: str

    @property
    def fraud_rows(self) -> pd.DataFrame:
        """The rows of fraud alone, numbered from 0."""
        return self.rows[self.fraud].reset_index(drop=True)


def labelled(table: pd.DataFrame, label: str, positive: str, without: Sequence[str] = ()) -> FraudTable:
    """A table with its label taken apart, and columns left out that nobody may learn.

    Args:
        table: the rows, one with a label each.
        label: the column that says which rows are fraud.
        positive: its value that says fraud; "1" is also the number 1 and true, "true" is true. Every other value is honest.
        without: columns to leave out.

    Raises:
        SynthesisError: there is no such column, no such value or no other column, a row has no label, the label has more
            than MOST_LABELS different values, a column holds card numbers, or one holds identifiers: texts that are all distinct.

    >>> table = labelled(pd.DataFrame({"amount": [9.5, 1.0, 2.0], "label": ["no", "yes", "maybe"]}), "label", "yes")
    >>> table.fraud.tolist(), list(table.rows)
    ([False, True, False], ['amount'])
    """
    _check_names(table, [label, *without])
    if label in without:
        raise SynthesisError(f"{label} is the label: it cannot be left out")
    table = table.drop(columns=list(without)).reset_index(drop=True)
    for name in table.columns:
        if any(map(holds_card_number, _texts_to_check(table[name]))):
            raise SynthesisError(f"{name}: holds card numbers, which nobody may learn; leave it out: --without {name}")
    fraud = _is_positive(table[label], positive)
    rows = table.drop(columns=label)
    if not len(rows.columns):
        raise SynthesisError(f"there is no column but the label {label}; nothing can be learned")
    for name in rows.columns:
        if _is_identifier(rows[name]):
            raise SynthesisError(
                f"{name}: every row has a text of its own, an identifier; leave it out: --without {name}"
            )
    return FraudTable(rows, fraud, label, positive)


def _check_names(table: pd.DataFrame, asked: Iterable[str]) -> None:
    for place, name in enumerate(table.columns):
        if not isinstance(name, str) or holds_card_number(name):
            raise SynthesisError(
                f"column {place + 1}: its name is {'a card number' if isinstance(name, str) else 'no text'}"
            )
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise SynthesisError(f"{twice[0]}: two columns have this name; each needs its own")
    for name in asked:
        if name not in table.columns:
            raise SynthesisError(f"{mask_certain(name)}: no such column; there are {_listed(table.columns)}")


def _is_positive(labels: pd.Series[Any], positive: str) -> NDArray[np.bool_]:
    if not len(labels):
        raise SynthesisError("the table has no rows")
    if labels.isna().any():
        row = int(labels.isna().to_numpy().argmax()) + 1
        raise SynthesisError(
            f"{labels.name}: row {row} has no label; leave such rows out ({labels.isna().sum()} of {len(labels)})"
        )
    values = labels.unique()
    right = [value for value in values if _means(value, positive)]
    if not right:
        raise SynthesisError(f"{labels.name}: no row is {mask_certain(positive)}; there are {_listed(values)}")
    if len(values) > MOST_LABELS:
        raise SynthesisError(
            f"{labels.name}: has {len(values):,} different values, so it is no label; allowed: a column of {MOST_LABELS} at most"
        )
    return np.asarray(labels.isin(right), dtype=bool)


def frauds_among(labels: pd.Series[Any], positive: str) -> int:
    """How many of a column's labels are the one that was named in text; a missing one is not.

    >>> frauds_among(pd.Series([1, 0, 1, None]), "1")
    2
    """
    return int(labels.map(lambda value: not pd.isna(value) and _means(value, positive)).sum())


def _means(value: Any, positive: str) -> bool:
    """Whether a label's value is the one that was named in text.

    >>> [_means(value, "1") for value in (1, 1.0, True, "1", 0, "yes")]
    [True, True, True, True, False, False]
    """
    if isinstance(value, bool | np.bool_):
        return positive.strip().lower() in (("1", "true") if value else ("0", "false"))
    if isinstance(value, int | float | np.number):
        with contextlib.suppress(ValueError):
            return bool(float(positive) == value)
    return str(value) == positive


def _texts_to_check(column: pd.Series[Any]) -> Iterator[str]:
    """Those of a column's values that may hold a card number, each once."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.dropna()
        size = numbers.abs()
        yield from (str(int(number)) for number in numbers[(size >= SHORTEST_CARD) & (size < LONGEST_CARD)].unique())
        return
    yield from column.dropna().astype(object).map(_text).unique()


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and SHORTEST_CARD <= abs(value) < LONGEST_CARD else str(value)


def _is_identifier(column: pd.Series[Any]) -> bool:
    kind = column.dtype
    if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind):
        return False
    present = column.dropna()
    if len(present) < IDENTIFIER_ROWS or not all(isinstance(value, str) for value in present.iloc[:IDENTIFIER_ROWS]):
        return False
    return bool(present.is_unique)


def _listed(names: Iterable[Any]) -> str:
    texts = sorted({str(name) for name in names})
    return ", ".join(texts[:LISTED]) + (f", and {len(texts) - LISTED} more" if len(texts) > LISTED else "")


def read_parquet(path: Path) -> pd.DataFrame:
    """The rows of a Parquet file.

    Raises:
        SynthesisError: there is none, or it cannot be read.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SynthesisError(f"{path}: no Parquet file that can be read: {mask_certain(str(error))}") from error


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table as its name's ending says (.csv or .parquet), whole or not at all.

    Raises:
        SynthesisError: the name ends otherwise.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise SynthesisError(f"{path}: the name of a table ends in .csv or .parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        if path.suffix == ".csv":
            table.to_csv(part, index=False)
        else:
            table.to_parquet(part, index=False)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
