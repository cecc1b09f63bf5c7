"""A file of a person's own columns as the columns that are read of every file.

Expressions are evaluated on a connection of their own that may open that one file and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import duckdb

from cli.errors import BadInputError
from cli.reading.mapping.expressions import Expression, expression, identifier
from cli.reading.mapping.toml_file import Mapping
from cli.reading.source import Kind, Source, opened
from fraud.card_numbers import mask_card_numbers
from fraud.fields import DECLARED
from sagemaker_src.processing.transactions import quoted

_COLUMNS = {"transaction_id": "trans_num", "amount": "amt", "event_time": "trans_date_trans_time"}
"""The columns that are named otherwise than their field."""
_FIELDS = {column: field for field, column in _COLUMNS.items()} | {"is_fraud": "label"}
_CARD = "cc_num"
_ROW = "row"
_Where = Literal["fields", "label", "leave_out"]


@contextmanager
def in_fields() -> Iterator[None]:
    """Errors name the fields of the mapping, not the columns that they are read as."""
    try:
        yield
    except BadInputError as error:
        said = re.sub(r": column (\w+): ", lambda found: f": field {_FIELDS.get(found[1], found[1])}: ", str(error))
        raise BadInputError(said) from error


@contextmanager
def mapped(
    connection: duckdb.DuckDBPyConnection, path: Path, mapping: Mapping, encoding: str | None
) -> Iterator[tuple[Source, str]]:
    """The file as the columns of Kaggle's, and a sentence on which rows were left out, which begins with `; ` or is empty.

    Args:
        connection: what will read it.
        path: CSV or Parquet.
        mapping: which columns are which fields.
        encoding: of a CSV; see `cli.reading.csv_text`.

    Raises:
        BadInputError: the file is none, or an expression names what is not there or fails: names the row.
    """
    parts: dict[tuple[_Where, str], Expression] = {}

    def used(names: Sequence[str]) -> Sequence[str]:
        for key, text in _texts(mapping).items():
            parts[key] = expression(f"{mapping.path}: [{key[0]}] {key[1]}", text, names)
        _check_label(mapping, parts)
        return tuple(dict.fromkeys(column for part in parts.values() for column in part.columns))

    with opened(connection, path, used, encoding, delimiter=mapping.delimiter) as source, sealed(source) as connected:
        taken = _Taken(connected, path, mapping, parts, source)
        left_out = taken.left_out()
        table = taken.table()
        columns = _columns(mapping, table)
        table = table.to_arrow_table()
    connection.register("mapped_columns", table)
    try:
        yield Source("mapped_columns", columns, ""), left_out
    finally:
        connection.unregister("mapped_columns")


def _check_label(mapping: Mapping, parts: dict[tuple[_Where, str], Expression]) -> None:
    label = parts["label", "column"].columns
    for (where, key), part in parts.items():
        if where == "fields" and set(part.columns) & set(label):
            raise BadInputError(
                f"{mapping.path}: [fields] {key}: reads {', '.join(label)}, which tells the label; allowed: other columns"
            )


def _texts(mapping: Mapping) -> dict[tuple[_Where, str], str]:
    texts: dict[tuple[_Where, str], str] = {("fields", name): text for name, text in mapping.fields.items()}
    texts["label", "column"] = mapping.label
    return texts | {("leave_out", name): text for name, text in mapping.leave_out.items()}


@contextmanager
def sealed(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may open the file of a source and nothing else, and writes nothing."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET threads=2")
        connection.execute("SET temp_directory=''")  # card numbers reach no disk
        connection.execute(f"SET allowed_paths=[{source.reads}]")
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        yield connection


class _Taken:
    """What a mapping takes of an opened file."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path,
        mapping: Mapping,
        parts: dict[tuple[_Where, str], Expression],
        source: Source,
    ) -> None:
        self._connection, self._path, self._mapping, self._parts = connection, path, mapping, parts
        self._row = _ROW
        while self._row.casefold() in {name.casefold() for name in source.columns}:
            self._row += "_"
        named = "".join(f", {column} AS {identifier(name)}" for name, (column, _) in source.columns.items())
        self._file = f"(SELECT row AS {self._row}{named} FROM {source.relation})"
        conditions = [f"coalesce(({part.sql}), false)" for (where, _), part in parts.items() if where == "leave_out"]
        self._kept = f"NOT ({' OR '.join(conditions)})" if conditions else "true"

    def left_out(self) -> str:
        """How many rows each condition leaves out; a row that two leave out counts for the first."""
        names = list(self._mapping.leave_out)
        if not names:
            return ""
        cases = " ".join(f"WHEN {self._parts['leave_out', name].sql} THEN {quoted(name)}" for name in names)
        counted = f"SELECT CASE {cases} END AS why, count(*) FROM {self._file} GROUP BY 1"
        try:
            counts = dict(self._connection.execute(counted).fetchall())
        except duckdb.Error as error:
            raise self._failed(error) from error
        return "; left out: " + ", ".join(f"{name} {counts.get(name, 0):,}" for name in names)

    def table(self) -> duckdb.DuckDBPyRelation:
        """The columns, under Kaggle's names."""
        columns = [f"{self._row} AS row"]
        for name in _fields(self._mapping):
            columns.append(f"{self._sql(name)} AS {_COLUMNS.get(name, name)}")
        label = f"CAST({self._parts['label', 'column'].sql} AS VARCHAR)"
        fraud, honest = (", ".join(map(quoted, values)) for values in (self._mapping.fraud, self._mapping.honest))
        columns.append(f"CASE WHEN {label} IN ({fraud}) THEN '1' WHEN {label} IN ({honest}) THEN '0' END AS is_fraud")
        columns.append(f"{label} AS label")
        try:
            made = f"CREATE TEMP TABLE taken AS SELECT {', '.join(columns)} FROM {self._file} WHERE {self._kept}"
            self._connection.execute(made)
        except duckdb.Error as error:
            raise self._failed(error) from error
        self._check_labels()
        return self._connection.table("taken")

    def _sql(self, field: str) -> str:
        if field not in self._mapping.fields:  # a transaction without an id of its own
            return f"CAST({self._row} AS VARCHAR)"
        sql = self._parts["fields", field].sql
        form = self._mapping.time_format
        return f"strptime(CAST({sql} AS VARCHAR), {quoted(form)})" if field == "event_time" and form else sql

    def _check_labels(self) -> None:
        unknown = self._connection.execute(
            "SELECT label, row FROM taken WHERE is_fraud IS NULL ORDER BY row LIMIT 1"
        ).fetchall()
        if unknown:
            value, row = unknown[0]
            shown = "missing" if value is None else mask_card_numbers(repr(value[:60]))
            fraud, honest = (", ".join(values) for values in (self._mapping.fraud, self._mapping.honest))
            raise BadInputError(
                f"{self._path}: row {row}: column label: {shown}; allowed: {fraud} (fraud), {honest} (honest), as "
                f"{self._mapping.path} says"
            )

    def _failed(self, error: duckdb.Error) -> BadInputError:
        """Which expression fails, at which row, with the values there."""
        for (where, key), part in self._parts.items():
            kept = self._kept if where != "leave_out" else "true"
            sql = self._sql(key) if where == "fields" else part.sql
            if (row := self._first_failure(sql, kept)) is not None:
                said = f"{self._mapping.path}: [{where}] {key}"
                if not row:
                    return BadInputError(
                        f"{said}: {_plain(error)}; allowed: an expression in DuckDB's SQL (a CSV holds text)"
                    )
                shown = "" if key == _CARD else f" of {self._values(part, row)}"
                return BadInputError(
                    f"{self._path}: row {row}: {said} fails{shown}; allowed: an expression that takes every row"
                )
        raise error  # of the file, not of the mapping

    def _first_failure(self, sql: str, kept: str) -> int | None:
        """The first row where it fails, 0 if it fails at none by itself; None: it does not fail."""
        if not self._fails(sql, f"FROM (SELECT * FROM {self._file} LIMIT 0)"):
            whole = f"FROM {self._file} WHERE {kept}"
            if not self._fails(sql, whole):
                return None
            below, first = (
                0,
                int(self._connection.execute(f"SELECT max({self._row}) FROM {self._file}").fetchall()[0][0]),
            )
            while first - below > 1:
                middle = (below + first) // 2
                fails = self._fails(sql, f"{whole} AND {self._row} <= {middle}")
                below, first = (below, middle) if fails else (middle, first)
            return first
        return 0

    def _fails(self, sql: str, rows: str) -> bool:
        try:
            self._connection.execute(f"SELECT max(CAST(v AS VARCHAR)) FROM (SELECT {sql} AS v {rows})")
        except duckdb.Error:
            return True
        return False

    def _values(self, part: Expression, row: int) -> str:
        card = self._parts["fields", _CARD].columns
        columns = [name for name in part.columns if name not in card]
        if not columns:
            return "its columns"
        named = ", ".join(map(identifier, columns))
        values = self._connection.execute(f"SELECT {named} FROM {self._file} WHERE {self._row} = {row}").fetchall()[0]
        return ", ".join(
            f"{name} {mask_card_numbers(repr(str(value)[:60]))}" for name, value in zip(columns, values, strict=True)
        )


def _fields(mapping: Mapping) -> list[str]:
    return [each.name for each in DECLARED if each.name in mapping.fields or each.kind == "identity"]


def _columns(mapping: Mapping, table: duckdb.DuckDBPyRelation) -> dict[str, tuple[str, Kind]]:
    kinds = dict(zip(table.columns, map(str, table.types), strict=True))
    columns: dict[str, tuple[str, Kind]] = {}
    for name in (*_fields(mapping), "is_fraud"):
        column = _COLUMNS.get(name, name)
        kind = _kind(kinds[column])
        if kind is None:
            raise BadInputError(
                f"{mapping.path}: [fields] {name}: gives {kinds[column]}; allowed: text, a number, a timestamp, true or false"
            )
        columns[column] = (column if kinds[column] != "DATE" else f"CAST({column} AS TIMESTAMP)", kind)
    return columns


def _kind(of: str) -> Kind | None:
    if of.startswith("DECIMAL") or of.removeprefix("U") in (
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "DOUBLE",
    ):
        return "number"
    if of in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"):
        return "time"
    known: dict[str, Kind] = {
        "VARCHAR": "text", "BLOB": "binary", "FLOAT": "single", "BOOLEAN": "yes or no",
        "TIMESTAMP WITH TIME ZONE": "moment",
    }  # fmt: skip
    return known.get(of)


def _plain(error: Exception) -> str:
    return mask_card_numbers(str(error).splitlines()[0])
