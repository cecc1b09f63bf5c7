"""Parquet: columns that have types of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from reading.columns import check_named, check_once
from reading.errors import BadInputError
from reading.forms.part import Kind, handle, plain


@dataclass(frozen=True)
class Parquet:
    """An opened Parquet file; see `Part`."""

    path: Path
    content: BinaryIO
    file: pq.ParquetFile
    said: str = ""

    @property
    def names(self) -> Sequence[str]:
        """Of its columns."""
        names: list[str] = self.file.schema_arrow.names
        return names

    @property
    def reads(self) -> str:
        """The path that the SQL of its rows names."""
        return handle(self.content)

    def kinds(self, names: Sequence[str]) -> Mapping[str, Kind]:
        """What their types say."""
        return {name: _kind(self.path, self.file, name) for name in names}

    def rows(self, names: Sequence[str]) -> str:
        """SQL of its rows."""
        named = ", ".join(f"f{place}" for place in range(len(self.names)))
        chosen = "".join(f", f{list(self.names).index(name)} AS c{place}" for place, name in enumerate(names))
        return f"(SELECT file_row_number + 1 AS row{chosen} FROM read_parquet({self.reads}) AS f({named}))"

    def broken(self, error: Exception) -> BadInputError:
        """What the engine says."""
        return BadInputError(f"{self.path}: cannot be read as Parquet: {plain(error)}")

    def table(self) -> pa.Table:
        """All of it, each of its columns there once and named.

        Raises:
            BadInputError: it cannot be read, or its columns are not as they must be.
        """
        check_named(self.path, self.names)
        check_once(self.path, self.names)
        try:
            return self.file.read().select(self.names)
        except (pa.ArrowException, OSError) as error:
            raise self.broken(error) from error


@contextmanager
def opened_parquet(path: Path, content: BinaryIO) -> Iterator[Parquet]:
    """A Parquet file, to be read while this is open.

    Raises:
        BadInputError: it is none.
    """
    try:
        file = pq.ParquetFile(content)
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as Parquet: {plain(error)}") from error
    yield Parquet(path, content, file)


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
