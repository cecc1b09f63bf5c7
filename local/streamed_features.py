"""The stream's features, held against the batch features of the same rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fraud.features.catalogue import STREAM_FEATURES, names
from local.raw_rows import stream_features
from local.replayer import DAY_MS
from local.rows import split_by_time


def differing_features(
    streamed: list[dict[str, Any]], history: pa.Table, live: pa.Table, from_ms: int
) -> tuple[int, int]:
    """The stream's features held against the batch features of the same rows.

    Returns:
        How many records were compared, and how many of them are not bit-equal.
    """
    wanted = names(STREAM_FEATURES)
    batch = stream_features(streamed_rows(history, live, from_ms))
    different = sum({name: record[name] for name in wanted} != batch[record["transaction_id"]] for record in streamed)
    return len(streamed), different


def streamed_rows(history: pa.Table, live: pa.Table, from_ms: int) -> pa.Table:
    """The rows that a replay sends: the day before, which fills the windows, and the day itself."""
    day_before = split_by_time(history, from_ms - DAY_MS)[1]
    columns = [name for name in day_before.column_names if name in live.column_names]
    return pa.concat_tables(
        [_plain(table.select(columns)) for table in (day_before, live)], promote_options="permissive"
    )


def _plain(table: pa.Table) -> pa.Table:
    """Texts as they are, not as numbers of a dictionary; times in milliseconds, as the wire carries them."""
    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(column.type.value_type))
        elif pa.types.is_timestamp(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.timestamp("ms", "UTC")))
    return table
