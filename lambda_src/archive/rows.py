"""The archive's rows: what is kept of a transaction and of a decision."""

from __future__ import annotations

import json

from fraud.columns import ARCHIVED_DECISIONS, TRANSACTION_COLUMNS
from fraud.decision import Decision
from fraud.transaction import Transaction
from lambda_src.ports.parquet_archive import Row, schema

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
