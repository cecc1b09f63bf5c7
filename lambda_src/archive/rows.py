"""The archive's rows: what is kept of a transaction and of a decision."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa

from fraud.columns import ARCHIVED_DECISIONS, TRANSACTION_COLUMNS, Column, Kind
from fraud.decision import Decision
from fraud.transaction import Transaction
from lambda_src.ports.parquet_archive import Row

_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "whole number": pa.int64(),
    "decimal number": pa.float64(),
    "flag": pa.bool_(),
    "moment": pa.timestamp("ms", "UTC"),
}


def schema(columns: Iterable[Column]) -> pa.Schema:
    """The Parquet schema of these columns."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])


TRANSACTIONS = schema(TRANSACTION_COLUMNS)
DECISIONS = schema(ARCHIVED_DECISIONS)


def transaction_row(transaction: Transaction, timestamp: int) -> Row:
    """A row of TRANSACTIONS, of a record stamped with `timestamp` (milliseconds since 1970 in UTC)."""
    named = ("transaction_id", "cc_num", "category", "amount_cents", "merchant", "merch_lat", "merch_long")
    undeclared = transaction.undeclared
    return {
        **{name: getattr(transaction, name) for name in named},
        **transaction.optional,
        "event_time": timestamp,
        "stated_time": transaction.event_time,
        "other": json.dumps(undeclared, default=str) if undeclared else None,
    }


def decision_row(decision: Decision) -> Row:
    """A row of DECISIONS."""
    row = {name: getattr(decision, name) for name in DECISIONS.names}
    return row | {"reasons": json.dumps(decision.reasons), "features": json.dumps(decision.features)}
