"""Tables of tokenised transactions: split at a moment, and as the records of a topic."""

from __future__ import annotations

import pyarrow as pa

from fraud.world import stream_messages
from local.replayer import Record


def records(table: pa.Table) -> list[Record]:
    """A table of transactions (`fraud.world.tables.STREAM_COLUMNS`) as records, in time order."""
    # The wire carries milliseconds; a table that went through DuckDB holds microseconds.
    place = table.column_names.index("event_time")
    table = table.set_column(place, "event_time", table["event_time"].cast(pa.timestamp("ms", "UTC")))
    table = table.sort_by([("event_time", "ascending"), ("transaction_id", "ascending")])
    times = table["event_time"].cast(pa.int64()).to_pylist()
    keys = table["cc_num"].cast(pa.string()).to_pylist()
    return [
        Record(time_ms, key.encode(), message)
        for time_ms, key, message in zip(times, keys, stream_messages(table), strict=True)
    ]


def split_by_time(table: pa.Table, from_ms: int) -> tuple[pa.Table, pa.Table]:
    """The rows before a moment and those from it on."""
    later = table["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy() >= from_ms
    return table.filter(pa.array(~later)), table.filter(pa.array(later))
