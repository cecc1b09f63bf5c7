"""The rows a model trains on or is judged by, read from Parquet and checked: one reader for every program that takes them.

Files of several releases are read together, by the columns' names: what a file was written without is missing in its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.feature import Feature
from fraud.fields import OPTIONAL_FEATURES, Field

REQUIRED_COLUMNS = ("transaction_id", "cc_num", "is_fraud", "category", "amount_cents", "event_ms")
"""What every file holds."""

FEATURE_COLUMNS = (*names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))
"""What it holds of the features that are declared: one that was declared after it was written is missing in its rows."""

ROW_COLUMNS = (*REQUIRED_COLUMNS, *FEATURE_COLUMNS)
"""What a training row holds."""

OPTIONAL_COLUMNS = tuple(field.name for field in OPTIONAL_FEATURES)
"""What it holds besides where its file has them: the fields that a model takes and that may be missing."""

# As in `fraud.transaction`, which the training container cannot import: it has no pydantic. A test holds them together.
MAX_AMOUNT_CENTS = 99_999_999
TOKEN_PATTERN = r"^[0-9a-f]{32}$"
TRANSACTION_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"

SHORTEST_CARD_NUMBER = 12

_OF_TEXT = ("category", *(field.name for field in OPTIONAL_FEATURES if field.is_text))
_FLAGS = ("is_fraud", *(field.name for field in OPTIONAL_FEATURES if field.kind == "flag"))

FROM_MS, TO_MS = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01, milliseconds since 1970."""


Numbers = NDArray[np.float64]
NumbersCheck = Callable[[Numbers], NDArray[np.bool_]]
"""Which of a column's values are valid."""


class FeatureRowsError(ValueError):
    """A file that cannot be read as feature rows: names the file, the row (from 1), the column and what is allowed."""


def read_feature_rows(path: Path) -> pd.DataFrame:
    """The rows of a Parquet file, or of all below a folder: ROW_COLUMNS and OPTIONAL_COLUMNS in this order, `is_fraud` 0 or 1.

    A feature or an optional field that a file lacks is missing (NaN) in its rows. Fields of text are pandas Categoricals.

    Raises:
        FeatureRowsError: there is no such file, it is not Parquet, lacks one of REQUIRED_COLUMNS or has one twice, or a value is
            not allowed; or no file has any feature.
    """
    if not path.exists():
        raise FeatureRowsError(f"{path} does not exist; name a Parquet file or folder of feature rows")
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FeatureRowsError(f"{path} holds no Parquet file of feature rows")
    rows = _together([_read(file) for file in files])
    if rows.empty:
        raise FeatureRowsError(f"{path} holds no rows; `fraud features` writes them")
    if not any(rows[name].notna().any() for name in FEATURE_COLUMNS):
        raise FeatureRowsError(
            f"{path} holds none of the features {', '.join(FEATURE_COLUMNS)}; `fraud features` writes them"
        )
    repeated = rows["transaction_id"].duplicated()
    if repeated.any():
        identity = _shown(rows["transaction_id"][repeated.idxmax()])
        raise FeatureRowsError(f"{path}: transaction_id: {identity} is there twice; allowed: each transaction once")
    return rows


def _read(file: Path) -> pd.DataFrame:
    try:
        with pq.ParquetFile(file) as content:
            _check_columns(file, content.schema_arrow.names)
            there = [name for name in (*ROW_COLUMNS, *OPTIONAL_COLUMNS) if name in content.schema_arrow.names]
            table = content.read(columns=there).select(there)
    except (pa.ArrowException, OSError) as error:
        raise FeatureRowsError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    for column in there:
        _check(file, column, table[column])
    # each column leaves Arrow's memory as it comes into pandas': together they would take twice as much
    rows: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    rows = rows.assign(**{name: np.nan for name in FEATURE_COLUMNS if name not in there})
    rows["category"] = rows["category"].astype("category")
    for field in OPTIONAL_FEATURES:
        kept = rows[field.name] if field.name in there else pd.Series(None, rows.index, dtype=object)
        rows[field.name] = kept.astype("category") if field.is_text else kept.astype("float64")
    rows = rows[[*ROW_COLUMNS, *OPTIONAL_COLUMNS]]
    rows["is_fraud"] = rows["is_fraud"].astype("int8")
    for column in ("amount_cents", "event_ms"):
        rows[column] = rows[column].astype("int64")
    return rows


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All rows; fields of text stay Categoricals though each file has categories of its own."""
    if len(parts) == 1:
        return parts[0]
    for name in _OF_TEXT:
        values = sorted({value for rows in parts for value in rows[name].cat.categories})
        for rows in parts:
            rows[name] = rows[name].cat.set_categories(values)
    return pd.concat(parts, ignore_index=True)


def _check_columns(file: Path, given: list[str]) -> None:
    plain = [name.strip().casefold() for name in given]
    twice = next((name for name in given if plain.count(name.strip().casefold()) > 1), None)
    if twice is not None:
        raise FeatureRowsError(f"{file}: the column {_shown(twice)} is there twice; allowed: each column once")
    missing = [column for column in REQUIRED_COLUMNS if column not in given]
    if missing:
        needed = f"{', '.join(REQUIRED_COLUMNS)}, as `fraud features` writes them"
        raise FeatureRowsError(f"{file} lacks the columns {', '.join(missing)}; needed: {needed}")


def _check(file: Path, column: str, values: pa.ChunkedArray) -> None:
    text = column in _TEXTS
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_number = is_number or (column in _FLAGS and pa.types.is_boolean(kind))
    if len(values) and not pa.types.is_null(kind) and not (is_text if text else is_number):
        shown = _shown(values[0].as_py())
        raise FeatureRowsError(f"{file}: {column} holds {kind} (row 1: {shown}); allowed: {_allowed(column)}")
    broken = _broken_texts(column, values) if text else _broken_numbers(column, values)
    if broken.any():
        row = int(np.argmax(broken))
        value = values[row].as_py()
        shown = "missing" if value is None else _shown(value)
        raise FeatureRowsError(f"{file}: row {row + 1}: {column}: {shown}; allowed: {_allowed(column)}")


def _shown(value: object) -> str:
    """A value for an error; none that has the digits of a card number, in whatever script or spelling."""
    text = repr(value)
    return "not shown" if sum(letter.isdigit() for letter in text) >= SHORTEST_CARD_NUMBER else text[:60]


def _broken_texts(column: str, values: pa.ChunkedArray) -> NDArray[np.bool_]:
    holds, _ = _TEXTS[column]
    found: NDArray[np.bool_] = ~holds(values.to_pandas().astype("string")).fillna(False).to_numpy(dtype=bool)
    return found


def _broken_numbers(column: str, values: pa.ChunkedArray) -> NDArray[np.bool_]:
    numbers: Numbers = values.to_pandas().astype("float64").to_numpy()
    holds, _ = _NUMBERS.get(column) or _OF_FEATURES[column]
    return ~holds(numbers)


def _allowed(column: str) -> str:
    return (_TEXTS.get(column) or _NUMBERS.get(column) or _OF_FEATURES[column])[1]


_TEXTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "transaction_id": (lambda text: text.str.fullmatch(TRANSACTION_ID_PATTERN), "1 to 64 letters, digits and ._:-"),
    "cc_num": (lambda text: text.str.fullmatch(TOKEN_PATTERN), "a card token: 32 hex characters, never a card number"),
    "category": (lambda text: text.str.strip().str.len().between(1, 100), "text of 1 to 100 characters"),
}
"""Of each column of text: which values hold (missing where there is none), and what is allowed."""


def _of_text_field(field: Field) -> tuple[Callable[[Any], Any], str]:
    form = field.form or ".{1,100}"
    return (
        lambda text: text.isna() | text.str.fullmatch(form)
    ), f"{field.allowed or 'text of 1 to 100 characters'}, or missing"


def _whole(numbers: Numbers, least: float, most: float) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = (numbers >= least) & (numbers <= most) & (numbers == np.floor(numbers))
    return found


_NUMBERS: dict[str, tuple[NumbersCheck, str]] = {
    "is_fraud": (lambda numbers: (numbers == 0) | (numbers == 1), "0 (honest) or 1 (fraud)"),
    "amount_cents": (
        lambda numbers: _whole(numbers, 0, MAX_AMOUNT_CENTS),
        f"whole cents from 0 to {MAX_AMOUNT_CENTS:,}",
    ),
    "event_ms": (
        lambda numbers: _whole(numbers, FROM_MS, TO_MS - 1),
        "whole milliseconds since 1970, of a moment from 2000 to 2099",
    ),
}


def _of_feature(feature: Feature) -> tuple[NumbersCheck, str]:
    if feature.type == "BIGINT" and feature.counts_all:
        return (lambda numbers: _whole(numbers, 0, np.finfo(float).max)), f"a whole number of {feature.unit} from 0"
    if feature.type == "BIGINT":
        return (
            lambda numbers: np.isnan(numbers) | _whole(numbers, 0, np.finfo(float).max),
            f"a whole number of {feature.unit} from 0, or missing",
        )
    return (
        lambda numbers: np.isnan(numbers) | (np.isfinite(numbers) & (numbers >= 0)),
        f"a number of {feature.unit} from 0, or missing",
    )


def _of_field(field: Field) -> tuple[NumbersCheck, str]:
    least, most = (0, 1) if field.kind == "flag" else (field.least, field.most)
    return (
        lambda numbers: np.isnan(numbers) | ((numbers >= least) & (numbers <= most))
    ), f"{least} to {most}, or missing"


_NUMBERS |= {field.name: _of_field(field) for field in OPTIONAL_FEATURES if not field.is_text}
_TEXTS |= {field.name: _of_text_field(field) for field in OPTIONAL_FEATURES if field.is_text}
_OF_FEATURES = {feature.name: _of_feature(feature) for feature in (*STREAM_FEATURES, *NIGHTLY_FEATURES)}
