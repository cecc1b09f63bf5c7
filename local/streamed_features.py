"""The stream's features, held against the batch features of the same rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fraud.features.catalogue import CATALOGUE, STREAM_FEATURES, names
from local.replayer import DAY_MS
from local.rows import split_by_time
from sagemaker_src.processing.batch_features import compute, engine, load

STREAM_COLUMNS = ("transaction_id", "cc_num", "category", "amount_cents", "event_time", *CATALOGUE.key_columns)


def differing_features(
    streamed: list[dict[str, Any]], history: pa.Table, live: pa.Table, from_ms: int
) -> tuple[int, int]:
    """The stream's features held against the batch features of the same rows.

    Returns:
        How many records were compared, and how many of them are not bit-equal.
    """
    columns = ", ".join(name for name in STREAM_COLUMNS if name in history.column_names)
    day_before = split_by_time(history, from_ms - DAY_MS)[1]
    wanted = names(STREAM_FEATURES)
    with engine() as connection:
        connection.register("day_before", day_before)
        connection.register("live", live)
        connection.execute(f"""CREATE TABLE curated AS SELECT {columns} FROM day_before
            UNION ALL SELECT {columns} FROM live""")
        load(connection, "curated")
        compute(connection)
        found = connection.execute(f"SELECT row, {', '.join(wanted)} FROM stream_features").fetchall()
    batch = {row[0]: row[1:] for row in found}
    different = sum(tuple(record[name] for name in wanted) != batch[record["transaction_id"]] for record in streamed)
    return len(streamed), different
