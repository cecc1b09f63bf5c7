"""A table of any types as numbers and categories: what every measure of quality reads."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError

Matrix = NDArray[np.float64]
Kind = Literal["number", "category"]
CATEGORIES = 30
"""So many values of a category, the most frequent, count in a distance; the others count as one."""


def kinds(rows: pd.DataFrame) -> dict[str, Kind]:
    """What each column is: numbers and moments are numbers, everything else (text, flags) categories.

    >>> kinds(pd.DataFrame({"amount": [1.5], "shop": ["a"], "online": [True]}))
    {'amount': 'number', 'shop': 'category', 'online': 'category'}
    """
    return {str(name): _kind(rows[name]) for name in rows.columns}


def _kind(column: pd.Series) -> Kind:
    types = pd.api.types
    if types.is_bool_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    is_moment = types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column)
    return "number" if types.is_numeric_dtype(column) or is_moment else "category"


def plain(rows: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Rows in the columns of another table: numbers as float64 (missing: NaN), moments in seconds, categories as text or None.

    Args:
        rows: n rows; columns that `like` lacks are left out.
        like: says the columns, their order and what each is.

    Raises:
        SynthesisError: a column is missing, or holds text where the other has numbers.

    >>> like = pd.DataFrame({"amount": [1, 2], "shop": ["a", None]})
    >>> plain(pd.DataFrame({"shop": ["b"], "amount": ["3"]}), like).to_dict("list")
    {'amount': [3.0], 'shop': ['b']}
    """
    lacking = [str(name) for name in like.columns if name not in rows.columns]
    if lacking:
        raise SynthesisError(
            f"the synthetic rows lack the column {', '.join(lacking)}; needed: every column of the real table but its label"
        )
    wanted = kinds(like)
    made = {
        str(name): _numbers(rows[name], like[name]) if wanted[str(name)] == "number" else _texts(rows[name])
        for name in like.columns
    }
    return pd.DataFrame(made, columns=[str(name) for name in like.columns])


def _numbers(column: pd.Series, like: pd.Series) -> Matrix:
    types = pd.api.types
    try:
        if types.is_datetime64_any_dtype(like):
            moments = pd.to_datetime(column, utc=True)
            seconds = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
            return np.asarray(seconds.to_numpy(dtype=np.float64, na_value=np.nan))
        if types.is_timedelta64_dtype(like):
            return np.asarray(pd.to_timedelta(column).dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan))
        values = np.asarray(pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))
    except (ValueError, TypeError) as error:
        raise SynthesisError(
            f"the synthetic rows' column {column.name}: {error}; the real table has {like.dtype}"
        ) from error
    # Adding zero makes minus zero zero, so that equal rows have equal hashes.
    return np.where(np.isfinite(values), values, np.nan) + 0.0


def _texts(column: pd.Series) -> NDArray[np.object_]:
    missing = column.isna().to_numpy()
    texts = column.astype(object).map(str, na_action="ignore").to_numpy(dtype=object)
    texts[missing] = None
    return np.asarray(texts, dtype=object)


def is_number(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column of plain rows holds numbers."""
    return bool(frame[name].dtype == np.float64)


def fingerprints(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """One number a plain row; equal rows have equal ones."""
    if not frame.shape[1]:
        return np.zeros(len(frame), dtype=np.uint64)
    return np.asarray(pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64))


def coded(frame: pd.DataFrame, reference: pd.DataFrame) -> Matrix:
    """Plain rows as a matrix for trees: numbers as they are, categories as their rank in a reference table (unknown: NaN)."""
    columns = []
    for name in frame.columns:
        if is_number(frame, name):
            columns.append(frame[name].to_numpy(dtype=np.float64))
        else:
            codes = {value: code for code, value in enumerate(_by_frequency(reference[name]))}
            columns.append(frame[name].map(codes).to_numpy(dtype=np.float64, na_value=np.nan))
    return np.column_stack(columns) if columns else np.zeros((len(frame), 0))


def _by_frequency(column: pd.Series) -> list[str]:
    counts = column.value_counts()
    return sorted(counts.index, key=lambda value: (-int(counts[value]), str(value)))


class Scale:
    """Mixed rows as points, such that a column's standard deviation and a change of category both count as a distance of one.

    Args:
        reference: plain rows that say the scale: medians, standard deviations, the categories that count.
        others: plain rows that will be measured too: a column with missing values in any of them has a flag for it.
    """

    def __init__(self, reference: pd.DataFrame, *others: pd.DataFrame) -> None:
        self.names = list(reference.columns)
        self.flagged = [name for name in self.names if any(each[name].isna().any() for each in (reference, *others))]
        numbers = reference[[name for name in self.names if is_number(reference, name)]]
        self.middle = numbers.median().fillna(0.0)
        spread = numbers.std(ddof=0)
        self.spread = spread.where(spread > 0, 1.0).fillna(1.0)
        self.values = {
            name: _by_frequency(reference[name])[:CATEGORIES] for name in self.names if not is_number(reference, name)
        }

    def points(self, frame: pd.DataFrame) -> Matrix:
        """n plain rows as n points."""
        columns: list[Matrix] = []
        for name in self.names:
            if name in self.values:
                # Two one-hot columns differ when a category does: each counts half of the squared distance.
                columns += [(frame[name] == value).to_numpy() * 0.5**0.5 for value in self.values[name]]
                columns.append((frame[name].notna() & ~frame[name].isin(self.values[name])).to_numpy() * 0.5**0.5)
            else:
                scaled = (frame[name] - self.middle[name]) / self.spread[name]
                columns.append(scaled.fillna(0.0).to_numpy(dtype=np.float64))
            if name in self.flagged:
                columns.append(frame[name].isna().to_numpy() * (1.0 if is_number(frame, name) else 0.5**0.5))
        return (
            np.column_stack([np.asarray(each, dtype=np.float64) for each in columns])
            if columns
            else np.zeros((len(frame), 1))
        )
