"""The archive's rows: what is kept of a transaction and of a decision."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from fraud.decision import Decision
from fraud.transaction import Transaction

_MOMENT = pa.timestamp("ms", "UTC")

TRANSACTIONS = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("cc_num", pa.string()),
        ("category", pa.string()),
        ("amount_cents", pa.int64()),
        ("event_time", _MOMENT),
        ("stated_time", _MOMENT),
        ("merchant", pa.string()),
        ("merch_lat", pa.float64()),
        ("merch_long", pa.float64()),
        ("other", pa.string()),
    ]
)
"""`event_time` is the record's own time, the clock of all features; `stated_time` is what the message says; `other` is JSON of
the fields that are not the contract's."""

DECISIONS = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("cc_num", pa.string()),
        ("amount_cents", pa.int64()),
        ("trans_time", _MOMENT),
        ("decided_at", _MOMENT),
        ("outcome", pa.string()),
        ("path", pa.string()),
        ("score", pa.float64()),
        ("model_version", pa.string()),
        ("nightly_cut", _MOMENT),
        ("why", pa.string()),
        ("warning", pa.string()),
        ("reasons", pa.string()),
        ("features", pa.string()),
    ]
)
"""`reasons` and `features` are JSON."""


def transaction_row(transaction: Transaction, timestamp: int) -> dict[str, Any]:
    """A row of TRANSACTIONS, of a record stamped with `timestamp` (milliseconds since 1970 in UTC)."""
    named = ("transaction_id", "cc_num", "category", "amount_cents", "merchant", "merch_lat", "merch_long")
    return {
        **{name: getattr(transaction, name) for name in named},
        "event_time": timestamp,
        "stated_time": transaction.event_time,
        "other": json.dumps(transaction.model_extra, default=str) if transaction.model_extra else None,
    }


def decision_row(decision: Decision) -> dict[str, Any]:
    """A row of DECISIONS."""
    row = {name: getattr(decision, name) for name in DECISIONS.names}
    return row | {"reasons": json.dumps(decision.reasons), "features": json.dumps(decision.features)}
