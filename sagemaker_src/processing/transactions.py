"""Files of tokenised transactions, as the archive and the curated files hold them: found, checked, read by position."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import duckdb

from fraud.columns import TRANSACTION_COLUMNS
from fraud.features.catalogue import CATALOGUE
from fraud.fields import OPTIONAL_FEATURES
from fraud.sql_text import quoted

REQUIRED = tuple(column.name for column in TRANSACTION_COLUMNS if column.required)
OPTIONAL = tuple(field.name for field in OPTIONAL_FEATURES)
KEYS = tuple(name for name in CATALOGUE.key_columns if name not in OPTIONAL)
"""Of windows and habits, besides."""
LABEL = "is_fraud"
KNOWN_AT = "known_at"
"""When the label was known, in UTC; a file may have it."""
ROWS_PER_FILE_LIMIT = 10**12


class TransactionFilesError(ValueError):
    """The files cannot be read as transactions: names the file and what is wrong with it."""


def parquet_source(connection: duckdb.DuckDBPyConnection, path: Path, also: Sequence[str] = ()) -> str:
    """A SELECT of REQUIRED and, where there are any, OPTIONAL, KEYS, LABEL and `also`, of a Parquet file or all below a folder.

    Each row has a `row` of its own.

    The files' columns are read by their position: none can be taken for `row`, or for what DuckDB calls a file's name and rows.

    Returns:
        The SELECT in parentheses.

    Raises:
        TransactionFilesError: there is no file, one is not Parquet, a column is missing or there twice.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise TransactionFilesError(f"{path} is no Parquet file, nor a folder that holds any")
    for file in files:
        _check_columns(connection, file)
    read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
    columns = [row[0].casefold() for row in connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()]
    besides = tuple(name for name in dict.fromkeys((*OPTIONAL, *KEYS, LABEL, *also)) if name in columns)
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise TransactionFilesError(f"{path} lacks the columns {', '.join(missing)}; needed: {', '.join(REQUIRED)}")
    named = ", ".join(f"c{place}" for place in range(len(columns)))
    fields = ", ".join(f"c{columns.index(column)} AS {column}" for column in (*REQUIRED, *besides))
    row = f"file_index * {ROWS_PER_FILE_LIMIT} + file_row_number AS row"
    return f"(SELECT {fields}, {row} FROM {read} AS f({named}))"


def _check_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    try:
        elements = connection.execute(f"SELECT name, num_children FROM parquet_schema({_path(file)})").fetchall()
    except duckdb.Error as error:
        raise TransactionFilesError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    seen = set()
    place = 1  # after the schema itself
    while place < len(elements):
        name = elements[place][0]
        if name.strip().casefold() in seen:
            raise TransactionFilesError(f"{file}: the column {name} is there twice; allowed: each column once")
        seen.add(name.strip().casefold())
        place = _after(elements, place)


def _after(elements: Sequence[tuple[str, int | None]], place: int) -> int:
    """The place after a column with all that is nested in it."""
    left = elements[place][1] or 0
    place += 1
    for _ in range(left):
        place = _after(elements, place)
    return place


def sql_paths(files: Sequence[Path]) -> str:
    """Paths as DuckDB's list of files: `[` and `*` in a name are no pattern."""
    return "[" + ", ".join(map(_path, files)) + "]"


def _path(file: Path) -> str:
    return quoted(glob.escape(str(file)))
