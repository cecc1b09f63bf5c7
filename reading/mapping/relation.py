"""A file of a person's own columns as the fields of transactions.

Expressions are evaluated on a connection of their own that may open these files and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from fraud.card_numbers import mask_card_numbers
from fraud.fields import DECLARED
from fraud.sql_text import quoted
from reading.errors import BadInputError
from reading.forms.part import Kind
from reading.mapping.expressions import identifier
from reading.mapping.failures import failure
from reading.mapping.parts import Parts, parts_of
from reading.mapping.toml_file import Mapping
from reading.places import Places
from reading.source import Source, opened

_TABLE = "mapped_columns"


@contextmanager
def mapped(
    connection: duckdb.DuckDBPyConnection, path: Path, mapping: Mapping, encoding: str | None = None
) -> Iterator[tuple[Source, Places, str]]:
    """The files as `row`, the fields that they have, and `is_fraud`; how errors name their places; and a sentence on what was
    found out and which rows were left out, which begins with `; ` or is empty.

    Args:
        connection: what will read it.
        path: a file, a folder or a pattern of files.
        mapping: which columns are which fields.
        encoding: of text, if the mapping says none.

    Raises:
        BadInputError: the file is none, or an expression names what is not there or fails: names the row.
    """
    with opened_by(path, mapping, encoding) as taken:
        left_out, (columns, table) = taken.left_out(), taken.table()
        said = taken.source.said
    connection.register(_TABLE, table)
    try:
        yield Source(_TABLE, columns), taken.places, f"{said}{left_out}"
    finally:
        connection.unregister(_TABLE)


@contextmanager
def opened_by(path: Path, mapping: Mapping, encoding: str | None = None, *, labelled: bool = True) -> Iterator[Taken]:
    """The files under a mapping, to be taken from while this is open.

    Args:
        path, mapping, encoding: as of `mapped`.
        labelled: whether every row needs a label.

    Raises:
        BadInputError: as `mapped`.
    """
    parts: Parts = {}

    def used(names: Sequence[str]) -> Sequence[str]:
        parts.update(parts_of(path, mapping, names, labelled=labelled))
        return tuple(dict.fromkeys(column for part in parts.values() for column in part.columns))

    told = replace(mapping.told, encoding=mapping.told.encoding or encoding)
    with opened(path, used, told) as source, sealed(source) as connected:
        named = {key: part.column for (_, key), part in parts.items() if part.column is not None}
        yield Taken(connected, Places(path, named, source.firsts), mapping, parts, source, one_by_one=not labelled)


@contextmanager
def sealed(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may open the files of a source and nothing else, and writes nothing."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute("SET threads=2")
        connection.execute("SET temp_directory=''")  # card numbers reach no disk
        # it takes what is in two TRYs out of both, and lets it fail
        connection.execute("SET disabled_optimizers='common_subexpressions'")
        connection.execute(f"SET allowed_paths=[{', '.join(source.reads)}]")
        connection.execute("SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        yield connection


@dataclass(frozen=True)
class Taken:
    """What a mapping takes of an opened file.

    Attributes:
        connection: of `sealed`.
        places: how errors name the file's rows.
        mapping, parts: what is taken, and the expressions of it.
        source: the file.
        one_by_one: whether a row at which an expression fails is told of (`failed`), and takes no other with it.
    """

    connection: duckdb.DuckDBPyConnection
    places: Places
    mapping: Mapping
    parts: Parts
    source: Source
    one_by_one: bool = False

    @property
    def row(self) -> str:
        """The name of the row's number, which no column of the file has."""
        row = "row"
        while row in {name.casefold() for name in self.source.columns}:
            row += "_"
        return row

    @property
    def file(self) -> str:
        """SQL of the file under its own names."""
        named = "".join(f", {column} AS {identifier(name)}" for name, (column, _) in self.source.columns.items())
        return f"(SELECT row AS {self.row}{named} FROM {self.source.relation})"

    @property
    def kept(self) -> str:
        """SQL of whether a row is not left out."""
        conditions = [
            f"coalesce(({self._tried(part.sql)}), false)"
            for (where, _), part in self.parts.items()
            if where == "leave_out"
        ]
        return f"NOT ({' OR '.join(conditions)})" if conditions else "true"

    def left_out(self) -> str:
        """`counts_left_out` as a sentence, which begins with `; ` or is empty."""
        counts = self.counts_left_out()
        return "; left out: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()) if counts else ""

    def counts_left_out(self) -> dict[str, int]:
        """How many rows each condition leaves out; a row that two leave out counts for the first."""
        names = list(self.mapping.leave_out)
        if not names:
            return {}
        cases = " ".join(f"WHEN {self._tried(self.parts['leave_out', name].sql)} THEN {quoted(name)}" for name in names)
        counted = self._run(f"SELECT CASE {cases} END AS why, count(*) FROM {self.file} GROUP BY 1")
        counts = dict(counted.fetchall())
        return {name: counts.get(name, 0) for name in names}

    def table(self, *, labelled: bool = True) -> tuple[dict[str, tuple[str, Kind]], pa.Table]:
        """The fields of the rows that are kept, with `row` and `is_fraud` (1 or 0), and what they hold.

        Args:
            labelled: whether every row needs a label; if not, `label` has its text, `is_fraud` may be missing, and `failed`
                says which expression fails.
        """
        fields = [each.name for each in DECLARED if each.kind == "identity" or ("fields", each.name) in self.parts]
        columns = ", ".join(f"{self.field(name)} AS {name}" for name in fields)
        label, fraud, honest = (self._label(), *self._labels())
        is_fraud = f"CASE WHEN {label} IN ({fraud}) THEN 1 WHEN {label} IN ({honest}) THEN 0 END"
        self._run(
            f"""CREATE TEMP TABLE taken AS SELECT {self.row} AS row, {columns}, CAST({is_fraud} AS TINYINT) AS is_fraud,
            {label} AS label, {self.failed} AS failed FROM {self.file} WHERE {self.kept}"""
        )
        if labelled:
            self._check_labels()
        made = self.connection.table("taken")
        kinds = dict(zip(made.columns, map(str, made.types), strict=True))
        held = {name: self._held(name, kinds[name]) for name in fields}
        kept = "* EXCLUDE (label, failed)" if labelled else "*"
        return held, self.connection.sql(f"SELECT {kept} FROM taken").to_arrow_table()

    def field(self, name: str) -> str:
        """SQL of a field."""
        if ("fields", name) not in self.parts:  # a transaction without an id of its own
            return f"CAST({self.row} AS VARCHAR)"
        part = self.parts["fields", name]
        sql = part.sql if part.column else self._tried(part.sql)
        if name != "event_time" or not self.mapping.time_format:
            return sql
        # TRY lets an error of strptime through
        read = "try_strptime" if self.one_by_one else "strptime"
        return f"{read}(CAST({sql} AS VARCHAR), {quoted(self.mapping.time_format)})"

    @property
    def failed(self) -> str:
        """SQL of the expression that fails at a row, as the mapping names it, or null: conditions first."""
        if not self.one_by_one:
            return "NULL::VARCHAR"
        cases = []
        for where, key in sorted(self.parts, key=lambda part: part[0] != "leave_out"):
            part, named = self.parts[where, key], quoted(f"[{where}] {key}")
            if part.column is None:
                # what fails is null, whatever stands in place of a null
                cases.append(f"WHEN TRY(coalesce(CAST(({part.sql}) AS VARCHAR), '')) IS NULL THEN {named}")
            if (where, key) == ("fields", "event_time") and self.mapping.time_format:
                there = f"TRY(CAST({part.sql} AS VARCHAR))"
                cases.append(f"WHEN {there} IS NOT NULL AND {self.field(key)} IS NULL THEN {named}")
        return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"

    def _tried(self, sql: str) -> str:
        return f"TRY({sql})" if self.one_by_one else sql

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(query)
        except duckdb.Error as error:
            raise failure(self, error) from error

    def _label(self) -> str:
        """SQL of the label's text: of true and false 1 and 0, if those are what the mapping knows."""
        part = self.parts["label", "column"]
        sql = part.sql if part.column else self._tried(part.sql)
        text = f"CAST({sql} AS VARCHAR)"
        if not {*self.mapping.fraud, *self.mapping.honest} <= {"0", "1"}:
            return text
        return f"CASE WHEN typeof({sql}) = 'BOOLEAN' THEN CAST(TRY_CAST({sql} AS TINYINT) AS VARCHAR) ELSE {text} END"

    def _labels(self) -> tuple[str, str]:
        fraud, honest = (", ".join(map(quoted, values)) for values in (self.mapping.fraud, self.mapping.honest))
        return fraud, honest

    def _check_labels(self) -> None:
        unknown = self.connection.execute(
            "SELECT label, row FROM taken WHERE is_fraud IS NULL ORDER BY row LIMIT 1"
        ).fetchall()
        if unknown:
            value, row = unknown[0]
            shown = "missing" if value is None else mask_card_numbers(repr(value[:60]))
            column = self.parts["label", "column"].column
            where = f"column {column}" if column is not None else "the label"
            fraud, honest = (", ".join(values) for values in (self.mapping.fraud, self.mapping.honest))
            raise BadInputError(
                f"{self.places.row(row)}: {where}: {shown}; allowed: {fraud} (fraud), {honest} (honest), as "
                f"{self.mapping.named} says"
            )

    def _held(self, name: str, kind: str) -> tuple[str, Kind]:
        """The column of a field in the table, and what it holds."""
        part = self.parts.get(("fields", name))
        of_file = self.source.columns[part.column][1] if part and part.column is not None else None
        form = name == "event_time" and self.mapping.time_format
        if of_file is not None and not form:
            return name, of_file
        known = _kind(kind)
        if known is None:
            raise BadInputError(
                f"{self.mapping.named}: [fields] {name}: gives {kind}; allowed: text, a number, a timestamp, true or false"
            )
        return (name if kind != "DATE" else f"CAST({name} AS TIMESTAMP)"), known


def _kind(of: str) -> Kind | None:
    numbers = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE")
    if of.startswith("DECIMAL") or of.removeprefix("U") in numbers:
        return "number"
    if of in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"):
        return "time"
    known: dict[str, Kind] = {
        "VARCHAR": "text", "BLOB": "binary", "FLOAT": "single", "BOOLEAN": "yes or no",
        "TIMESTAMP WITH TIME ZONE": "moment",
    }  # fmt: skip
    return known.get(of)
