"""Parquet with tokens in place of card numbers, the values of the other columns as they were."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraud.card_numbers import SHORTEST, mask_certain
from reading.errors import BadInputError
from reading.forms.part import plain
from reading.tokenized.cards import Cards, holds_one

_ROWS = 100_000
_LEAST = 10.0 ** (SHORTEST - 1)
"""No number below holds a card number's digits."""


class _Made(io.RawIOBase):
    """Takes what is written until it is asked for."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Takes a piece."""
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last call."""
        made, self._parts = b"".join(self._parts), []
        return made


def tokenized_parquet(path: Path, content: BinaryIO, card: str | None, cards: Cards) -> Iterator[bytes]:
    """A Parquet file with tokens, row group after row group.

    A card number in another column is masked where that is text; a number is left out (null).

    Args:
        path: its name, for errors.
        content: its bytes.
        card: the column of card numbers, text from then on; None: no column has them as they stand.
        cards: makes the tokens, and counts.

    Raises:
        BadInputError: it cannot be read.
    """
    made = _Made()
    try:
        file = pq.ParquetFile(content)
        schema = _schema(file.schema_arrow, card)
        with pq.ParquetWriter(made, schema, compression=_compression(file)) as writer:
            for batch in file.iter_batches(_ROWS):
                writer.write_batch(pa.record_batch(_columns(batch, card, cards), schema=schema), _ROWS)
                cards.counts.rows += batch.num_rows
                yield made.taken()
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read as Parquet: {plain(error)}") from error
    yield made.taken()


def _schema(schema: pa.Schema, card: str | None) -> pa.Schema:
    """The same columns, all of which may lack values; without what pandas notes of their types."""
    return pa.schema([pa.field(each.name, pa.string() if each.name == card else each.type) for each in schema])


def _compression(file: pq.ParquetFile) -> str:
    groups = file.metadata.num_row_groups and file.metadata.num_columns
    named = file.metadata.row_group(0).column(0).compression.lower() if groups else "snappy"
    return named if named in ("snappy", "gzip", "brotli", "zstd") else "snappy"


def _columns(batch: pa.RecordBatch, card: str | None, cards: Cards) -> list[pa.Array]:
    made = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        made.append(_tokens(column, cards) if name == card else _without(name, column, cards))
    return made


def _tokens(column: pa.Array, cards: Cards) -> pa.Array:
    return pa.array([None if value is None else cards.token(_text(value)) for value in column.to_pylist()], pa.string())


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _without(name: str, column: pa.Array, cards: Cards) -> pa.Array:
    """A column without card numbers."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = column.cast(kind)
        if not pc.any(pc.greater_equal(pc.abs(values.cast(pa.float64(), safe=False)), _LEAST)).as_py():
            return column
    listed = column.to_pylist()
    found = {value: _clean(value) for value in set(map(_hashable, listed)) if value is not None and _holds(value)}
    if not found:
        return column
    cards.counts.masked[name] += sum(_hashable(value) in found for value in listed)
    return pa.array([found.get(_hashable(value), value) for value in listed], column.type)


def _hashable(value: object) -> Any:
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value


def _holds(value: object) -> bool:
    return holds_one(_text(value))


def _clean(value: object) -> object:
    return mask_certain(value) if isinstance(value, str) and not value.startswith(("[", "{")) else None
