"""A person's file as a relation whose columns are named by us, by their position."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cli.errors import BadInputError
from cli.reading.columns import all_positions, positions
from cli.reading.csv_rows import LONGEST_LINE, first_malformed, first_widths, header
from cli.reading.csv_text import utf8_text
from fraud.card_numbers import mask_card_numbers
from sagemaker_src.processing.transactions import quoted

Kind = Literal["text", "binary", "number", "single", "yes or no", "time", "moment"]
"""What a column holds: `single` is a number of 4 bytes, `time` a clock's reading, `moment` a point in time."""

Chosen = Callable[[Sequence[str]], Sequence[str]]
"""Says from the names of a file's columns which of them are read."""

DELIMITERS = (",", ";", "\t", "|")
"""What may stand between the values of a CSV, if nothing else is said."""

_PARQUET_MAGIC = b"PAR1"
_OTHERS = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
}


@dataclass(frozen=True)
class Source:
    """An opened file.

    Attributes:
        relation: SQL of all its rows: `row`, from 1, and a column `c0`, `c1`, ... for each of its own.
        columns: {name: (column of `relation`, what it holds)} of those wanted.
        reads: the path that `relation` names.
    """

    relation: str
    columns: dict[str, tuple[str, Kind]]
    reads: str


@contextmanager
def opened(path: Path, wanted: Chosen, encoding: str | None, delimiter: str | None = None) -> Iterator[Source]:
    """A CSV or Parquet file, to be read while this is open.

    Args:
        path: the file.
        wanted: says which columns are read.
        encoding: of a CSV; see `cli.reading.csv_text`.
        delimiter: of a CSV; None: one of DELIMITERS, as its header has it.

    Raises:
        BadInputError: it is neither, or its columns or its text are not as they must be. Also in place of an error of DuckDB
            while it is open.
    """
    if checked_suffix(path) == ".parquet":
        with _parquet(path, wanted) as source:
            yield source
    else:
        with opened_csv(path, wanted, encoding, delimiter) as source:
            yield source


def checked_suffix(path: Path) -> str:
    """`.csv` or `.parquet`, if the file is there, is named so, and begins as such a file does.

    Raises:
        BadInputError: otherwise.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise BadInputError(f"{path}: a folder; allowed: one file, .csv or .parquet")
    if suffix not in (".csv", ".parquet"):
        unpack = "; unpack it first" if suffix in (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z") else ""
        raise BadInputError(f"{path}: a file named '{path.suffix or path.name}'; allowed: .csv or .parquet{unpack}")
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise BadInputError(f"{path}: cannot be opened: {error.strerror}") from error
    if not head:
        raise BadInputError(f"{path}: the file is empty; needed: a header and at least one row")
    for magic, holds in _OTHERS.items():
        if head.startswith(magic):
            raise BadInputError(f"{path}: the content is {holds}; allowed: CSV or Parquet; unpack or export it first")
    if (suffix == ".parquet") != (head == _PARQUET_MAGIC):
        is_, named = ("Parquet", "CSV") if head == _PARQUET_MAGIC else ("not Parquet", "Parquet")
        raise BadInputError(f"{path}: the content is {is_}, but the name says {named}; name it by what it holds")
    return suffix


def _handle(number: int) -> str:
    # DuckDB takes `data[1].csv` for a pattern, and reads data1.csv: it gets no name that a person chose
    return f"'/proc/self/fd/{number}'"


@contextmanager
def opened_csv(
    path: Path,
    wanted: Chosen | None,
    encoding: str | None,
    delimiter: str | None = None,
) -> Iterator[Source]:
    """A CSV, all of it text; see `opened`.

    Args:
        wanted: says which columns are read; None: all.
    """
    with utf8_text(path, encoding) as text:
        names, delimiter = _header(path, text, delimiter)
        places = all_positions(path, names) if wanted is None else positions(path, names, wanted(names))
        columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(names)))
        relation = f"""(SELECT *, row_number() OVER () AS row FROM read_csv({_handle(text.fileno())}, header=true,
            auto_detect=false, columns={{{columns}}}, delim={quoted(delimiter)}, quote='"', escape='"', strict_mode=true,
            max_line_size={LONGEST_LINE}))"""
        try:
            yield Source(
                relation, {name: (f"c{place}", "text") for name, place in places.items()}, _handle(text.fileno())
            )
        except duckdb.Error as error:
            found = first_malformed(path, text, len(names), delimiter)
            raise found or BadInputError(f"{path}: cannot be read as CSV: {_plain(error)}") from error


def _header(path: Path, text: BinaryIO, delimiter: str | None) -> tuple[list[str], str]:
    """The names of the columns, and what stands between them."""
    if delimiter is not None:
        return header(path, text, delimiter), delimiter
    widths = {each: first_widths(text, each) for each in DELIMITERS}
    # most columns, of those with which the first row has as many values as the header
    found = max(DELIMITERS, key=lambda each: (widths[each][:1] == widths[each][1:] != [1], widths[each][:1]))
    return header(path, text, found), found


@contextmanager
def _parquet(path: Path, wanted: Chosen) -> Iterator[Source]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as Parquet: {_plain(error)}") from error
    with file, path.open("rb") as content:
        places = positions(path, file.schema_arrow.names, wanted(file.schema_arrow.names))
        columns: dict[str, tuple[str, Kind]] = {
            name: (f"c{place}", _kind(path, file, name)) for name, place in places.items()
        }
        named = ", ".join(f"c{place}" for place in range(len(file.schema_arrow.names)))
        relation = f"""(SELECT {", ".join(place for place, _ in columns.values())}, file_row_number + 1 AS row
            FROM read_parquet({_handle(content.fileno())}) AS f({named}))"""
        try:
            yield Source(relation, columns, _handle(content.fileno()))
        except duckdb.Error as error:
            raise BadInputError(f"{path}: cannot be read as Parquet: {_plain(error)}") from error


def parquet_table(path: Path) -> pa.Table:
    """The whole of a Parquet file, each of its columns there once and named.

    Raises:
        BadInputError: it cannot be read, or its columns are not as they must be.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            all_positions(path, names)
            return file.read().select(names)
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as Parquet: {_plain(error)}") from error


def _kind(path: Path, file: pq.ParquetFile, name: str) -> Kind:
    kind = file.schema_arrow.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return "text"
    if pa.types.is_timestamp(kind):
        # INT96 says nothing of a zone: who writes it means UTC
        leaves = map(file.schema.column, range(len(file.schema)))
        int96 = any(leaf.path == name and leaf.physical_type == "INT96" for leaf in leaves)
        return "moment" if kind.tz or int96 else "time"
    kinds: tuple[tuple[bool, Kind], ...] = (
        (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind), "binary"),
        (pa.types.is_float32(kind) or pa.types.is_float16(kind), "single"),
        (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind), "number"),
        (pa.types.is_boolean(kind), "yes or no"),
    )
    found = next((known for holds, known in kinds if holds), None)
    if found is None:
        raise BadInputError(
            f"{path}: the column {name} holds {kind}; allowed: text or numbers, of a date and time a timestamp"
        )
    return found


def _plain(error: Exception) -> str:
    """The first line of an engine's error, without our names for things and what of the file is nobody's business."""
    return mask_card_numbers(re.sub(r"[\"']?/proc/self/fd/\d+[\"']?", "the file", str(error).splitlines()[0]))
