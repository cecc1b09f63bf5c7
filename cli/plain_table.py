"""Any table of a person's, whatever its form, with what its columns hold found out: whole numbers, numbers, times, or text.

A column of text is of numbers if every value is one; an identifier with zeros before it, as 00417, stays text, as does what is
too long for a whole number. Where a number is missing, the field is empty, or says NA, NaN, null or None; inf is infinite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fraud.card_numbers import mask_card_numbers
from reading.contents import Told
from reading.errors import BadInputError
from reading.forms.parquet import Parquet
from reading.source import opened, opened_parts
from sagemaker_src.processing.batch_features import engine

_WHOLE = "[+-]?(0|[1-9][0-9]{0,17})"
_NUMBER = "[+-]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?|[+-]?inf"
_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?"
_MISSING = "|NA|N/A|NaN|nan|null|NULL|None"
_WRITTEN_NUMBER = re.compile(
    r"\s*[-+]?\s*[€$£¥]?\s*[-+]?(?:[0-9]+|[0-9]{1,3}(?:[., '’\u00a0\u202f][0-9]{3})+)(?:[.,][0-9]+)?\s*(?:[€$£¥%]|EUR|USD)?\s*"
)
_SIGNS_OF_A_NUMBER = re.compile("[.,€$£¥%]")
_AS = {
    "whole": ("BIGINT", "int64"),
    "number": ("DOUBLE", "float64"),
    "time": ("TIMESTAMP", "datetime64[us]"),
    "text": ("VARCHAR", "str"),
}
"""{what a column holds: (its type in DuckDB, its type in pandas)}."""


def read_table(path: Path, encoding: str | None = None) -> pd.DataFrame:
    """The rows of a file, in its order: int64, float64 (NaN where missing), datetime64, bool, and str (NaN where missing).

    Args:
        path: CSV, JSON lines or Parquet, packed or not; a folder or a pattern of them.
        encoding: of text, from `reading.text.checked_encoding`; None: what is found.

    Raises:
        BadInputError: it is neither, or its columns, its text or the form of its rows are not as they must be, or it has none.
    """
    told = Told(encoding)
    with opened_parts(path, told) as parts:
        parquet = [part for part in parts if isinstance(part, Parquet)]
        table = _parquet(parquet) if parquet else _text(path, told)
    if table.empty:
        raise BadInputError(f"{path}: the file holds no rows; needed: a header and at least one row")
    return table


def refuse_numbers_as_text(path: Path, table: pd.DataFrame, without: Sequence[str] = ()) -> None:
    """Looks for columns of text whose values are all numbers, written as `69,18` or `$ 1,234`: each would be a category.

    Args:
        path: the file, for errors.
        table: from `read_table`.
        without: columns that are not looked at.

    Raises:
        BadInputError: there is one: names the row, the column and the value.
    """
    for name in table.columns.difference(list(without), sort=False):
        if not pd.api.types.is_string_dtype(table[name]):
            continue
        values = [str(value) for value in table[name].dropna().unique() if str(value).strip()]
        if not values or not all(_WRITTEN_NUMBER.fullmatch(value) for value in values):
            continue
        marked = next((value for value in values if _SIGNS_OF_A_NUMBER.search(value)), None)
        if marked is not None:
            row = int((table[name] == marked).to_numpy().argmax()) + 1
            raise BadInputError(
                f"{path}: row {row}: column {name}: {mask_card_numbers(repr(marked))} is a number written as text, as is all "
                f"of the column; allowed: numbers as 69.18, or leave it out: --without {name}"
            )


def _text(path: Path, told: Told) -> pd.DataFrame:
    with engine() as connection, opened(path, told=told) as source:
        columns = {name: column for name, (column, _) in source.columns.items()}
        kinds = _kinds(connection, source.relation, columns)
        fields = ", ".join(_field(columns[name], kind) for name, kind in kinds.items())
        table = connection.execute(f"SELECT {fields} FROM {source.relation} AS f ORDER BY row").df()
    table.columns = pd.Index(list(kinds), dtype="str")
    return table.astype({name: _AS[kind][1] for name, kind in kinds.items()})


def _kinds(connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str]) -> dict[str, str]:
    """{name: what the column holds}."""
    counts = ", ".join(
        f"""count({column}) FILTER ({_says(column, _MISSING)}),
        count({column}), count({column}) FILTER ({_says(column, _WHOLE)}), count({column}) FILTER ({_says(column, _NUMBER)}),
        count({column}) FILTER ({_says(column, _TIME)} AND TRY_CAST({column} AS TIMESTAMP) IS NOT NULL), count(*)"""
        for column in columns.values()
    )
    found = connection.execute(f"SELECT {counts} FROM {relation} AS f").fetchall()[0]
    return {name: _kind(*found[6 * place : 6 * place + 6]) for place, name in enumerate(columns)}


def _says(column: str, pattern: str) -> str:
    return f"regexp_full_match(trim({column}), '{pattern}')"


def _kind(missing: int, filled: int, whole: int, numbers: int, times: int, rows: int) -> str:
    if whole == rows:
        return "whole"
    if numbers + missing == filled:
        return "number"
    return "time" if times == filled else "text"


def _field(column: str, kind: str) -> str:
    if kind == "text":
        return column
    value = f"trim({column})"
    present = f"CASE WHEN NOT {_says(column, _MISSING)} THEN {value} END" if kind == "number" else value
    return f"CAST({present} AS {_AS[kind][0]})"


def _parquet(parts: Sequence[Parquet]) -> pd.DataFrame:
    tables = []
    for part in parts:
        table = part.table().select(parts[0].names)
        tables.append(pa.table({name: _plain(part.path, name, table[name]) for name in table.column_names}))
        if not tables[-1].schema.equals(tables[0].schema):
            name = next(each for each in table.column_names if tables[-1][each].type != tables[0][each].type)
            raise BadInputError(
                f"{part.path}: the column {name} holds {tables[-1][name].type}, but in {parts[0].path} {tables[0][name].type}; "
                "allowed: the same in all files"
            )
    table = pa.concat_tables(tables)
    frame: pd.DataFrame = table.to_pandas()
    texts = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
    return frame.astype(dict.fromkeys(texts, "str"))


def _plain(path: Path, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return pc.cast(values, pa.float64())
    if pa.types.is_date(kind):
        return pc.cast(values, pa.timestamp("us"))
    if pa.types.is_large_string(kind):
        return pc.cast(values, pa.string())
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_timestamp, pa.types.is_string)
    if not any(is_one(kind) for is_one in known):
        raise BadInputError(
            f"{path}: the column {name} holds {kind}; allowed: numbers, text, yes or no, dates and times"
        )
    return values
