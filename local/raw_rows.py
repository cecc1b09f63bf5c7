"""Features of raw rows, computed by the batch engine: what the stream job and the nightly job would have said of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from fraud.feature_record import KEY_FIELDS
from fraud.features.catalogue import CATALOGUE, STREAM_FEATURES, names
from fraud.features.sql import stream_sql
from fraud.fields import OPTIONAL_FEATURES
from fraud.ports import Nightly
from fraud.transaction import format_event_time
from sagemaker_src.processing.batch_features import daily_sums, engine, load, nightly_snapshot
from sagemaker_src.processing.transactions import LABEL

_PLAIN = ("transaction_id", "cc_num", "category", "amount_cents", "merchant", "merch_lat", "merch_long")
_FIELDS = tuple(dict.fromkeys((*_PLAIN, *(field.name for field in (*OPTIONAL_FEATURES, *KEY_FIELDS)))))
_READ = ("transaction_id", "cc_num", "category", "amount_cents", "event_time")
STREAM_COLUMNS = (*_READ, *(name for name in CATALOGUE.key_columns if name not in _READ))
"""Of a transaction, what the stream's features are computed from."""


def stream_features(rows: pa.Table) -> dict[str, dict[str, float | None]]:
    """The stream's features of every row, {transaction_id: {feature: value}}; None is missing.

    Args:
        rows: tokenised transactions, each once, with all that their windows look back on.
    """
    wanted = names(STREAM_FEATURES)
    with engine() as connection:
        connection.register("rows", rows.select([name for name in STREAM_COLUMNS if name in rows.column_names]))
        load(connection, "rows")
        select = stream_sql("SELECT * FROM transactions", identity="row")
        found = connection.execute(f"SELECT row, {', '.join(wanted)} FROM ({select}) AS s").fetchall()
    return {row[0]: dict(zip(wanted, row[1:], strict=True)) for row in found}


def feature_messages(rows: pa.Table, wanted: Collection[str]) -> dict[str, bytes]:
    """The messages of the topic `features` about some of the rows, as the stream job would write them, {transaction_id: message}.

    Args:
        rows: as of `stream_features`: in the archive's columns, or in a world's, whose `event_time` is what the producer states.
        wanted: ids.
    """
    if not wanted:
        return {}
    features = stream_features(rows)
    ids = pa.array(sorted(wanted), pa.string())
    chosen = rows.filter(pa.compute.is_in(rows["transaction_id"].cast(pa.string()), ids))
    return {row["transaction_id"]: _message(row, features[row["transaction_id"]]) for row in chosen.to_pylist()}


def _message(row: Mapping[str, Any], features: Mapping[str, float | None]) -> bytes:
    clock: datetime = _utc(row["event_time"])
    stated = row.get("stated_time")
    fields = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    said = {
        **fields,
        "trans_time": round(clock.timestamp() * 1000),
        "event_time": format_event_time(clock if stated is None else _utc(stated)),
    }
    return json.dumps({**said, **features}, separators=(",", ":")).encode()


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def nightly_of(history: pa.Table, from_ms: int) -> Nightly:
    """The nightly features that batch computes from the rows before a cut, none of which was decided or labelled here."""
    with engine() as connection:
        # a label of a file's own says nothing to a night: risks are of what is archived
        connection.register("history", history.select([name for name in history.column_names if name != LABEL]))
        load(connection, "history")
        daily_sums(connection)
        return Nightly(*nightly_snapshot(connection, from_ms))
