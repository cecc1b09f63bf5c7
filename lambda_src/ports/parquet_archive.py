"""The archive: Parquet files below a prefix of a bucket, a folder a day (UTC), one object a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from fraud.clock import day_of
from fraud.columns import Column, Kind
from lambda_src.ports.clients import Client

Row = dict[str, object]
"""Of the archive's schema: {column: value}."""
Rows = Sequence[tuple[int, Row]]
"""Each row with the moment it belongs to, a moment of the clock."""

_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "whole number": pa.int64(),
    "decimal number": pa.float64(),
    "flag": pa.bool_(),
    "moment": pa.timestamp("ms", "UTC"),
}


_INVALID = (pa.ArrowException, OverflowError, TypeError, ValueError)


def schema(columns: Iterable[Column]) -> pa.Schema:
    """The Parquet schema of these columns."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])


class InvalidRow(NamedTuple):
    """A row that is not of the archive's schema: its place among those given, and what is wrong."""

    position: int
    problem: str


class ParquetArchive:
    """Writes rows of one kind. The same batch delivered again writes the same objects.

    Args:
        client: of s3.
        bucket: its name.
        prefix: of the keys, ending with /.
        schema: of the rows.
    """

    def __init__(self, client: Client, bucket: str, prefix: str, schema: pa.Schema) -> None:
        self._client, self._bucket, self._prefix, self._schema = client, bucket, prefix, schema

    def put(self, name: str, rows: Rows) -> list[InvalidRow]:
        """Writes rows as `PREFIXday=DAY/NAME.parquet`, an object a day; gives those that it could not write.

        Raises:
            ClientError, BotoCoreError: the bucket refuses.
        """
        days: dict[str, list[tuple[int, Row]]] = defaultdict(list)
        for position, (moment_ms, row) in enumerate(rows):
            days[day_of(moment_ms)].append((position, row))
        invalid: list[InvalidRow] = []
        for day, of_day in days.items():
            table, left_out = self._table(of_day)
            invalid += left_out
            if len(table):
                self._put(f"{self._prefix}day={day}/{name}.parquet", table)
        return invalid

    def _table(self, rows: list[tuple[int, Row]]) -> tuple[pa.Table, list[InvalidRow]]:
        try:
            return pa.Table.from_pylist([row for _, row in rows], self._schema), []
        except _INVALID:
            return self._valid_rows(rows)

    def _valid_rows(self, rows: list[tuple[int, Row]]) -> tuple[pa.Table, list[InvalidRow]]:
        # one by one is slow, and needed for one batch in a million
        tables, invalid = [self._schema.empty_table()], []
        for position, row in rows:
            try:
                tables.append(pa.Table.from_pylist([row], self._schema))
            except _INVALID as error:
                invalid.append(InvalidRow(position, str(error)))
        return pa.concat_tables(tables), invalid

    def _put(self, key: str, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=sink.getvalue().to_pybytes(),
            ContentType="application/vnd.apache.parquet",
        )
