"""A world in which customers, and fraud, come to behave otherwise: what was transacted, and what is known of it in the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa

from fraud.durations import MS_PER_DAY
from fraud.world import WorldSettings, generate, tokenised
from fraud.world.tables import stream_columns

BEGIN = date(2026, 1, 1)
DAYS, DRIFT_FROM = 60, 36
"""Days in all, and the first on which anything is otherwise."""
TRIPLED = ("grocery_pos", "gas_transport")
"""The categories whose amounts are three times what they were."""
NEW_PATTERN = "shopping_pos"
"""The category in which a new fraud is tried, in nearly every second payment: a few coins."""


def day_of(number: int) -> str:
    """A day as 2026-01-31, counted from the first."""
    return str(BEGIN + timedelta(days=number))


def begins_ms(number: int) -> int:
    """When it begins, milliseconds since 1970."""
    return (BEGIN - date(1970, 1, 1)).days * MS_PER_DAY + number * MS_PER_DAY


@dataclass
class DriftingWorld:
    """The transactions, in the order of time, and of each whether it is fraud and on which day it was."""

    transactions: pa.Table
    is_fraud: np.ndarray
    day: np.ndarray

    @classmethod
    def make(cls, cards: int = 300, seed: int = 3) -> DriftingWorld:
        """A made-up world with a change."""
        world = tokenised(generate(WorldSettings(cards=cards, days=DAYS, fraud_rate=0.01, seed=seed)), b"k" * 16)
        rows = world.sort_by("event_time")
        cents, category = rows["amount_cents"].to_numpy().copy(), np.array(rows["category"].to_pylist())
        day = (rows["event_time"].cast(pa.int64()).to_numpy() - begins_ms(0)) // MS_PER_DAY
        fraud = np.array(rows["is_fraud"].to_pylist(), dtype=bool)
        later = day >= DRIFT_FROM
        cents[later & np.isin(category, TRIPLED)] *= 3
        tried = later & (category == NEW_PATTERN) & (np.random.default_rng(seed).random(len(day)) < 0.45)
        cents[tried] = 100 + cents[tried] % 100
        place = rows.column_names.index("amount_cents")
        rows = rows.set_column(place, "amount_cents", pa.array(cents))
        return cls(rows.select(stream_columns(rows)), fraud | tried, day)

    def of_days(self, first: int, until: int) -> pa.Table:
        """The transactions of some days."""
        return self.transactions.filter(pa.array((first <= self.day) & (self.day < until)))

    def frauds(self, first: int, until: int) -> list[str]:
        """The ids of the frauds of some days."""
        chosen = self.is_fraud & (first <= self.day) & (self.day < until)
        return list(self.transactions.filter(pa.array(chosen))["transaction_id"].to_pylist())

    def outcomes(self, first: int, until: int) -> pa.Table:
        """Each of some days was approved as it came, as the archive has decisions."""
        rows = self.of_days(first, until)
        return pa.table(
            {
                "transaction_id": rows["transaction_id"],
                "outcome": ["approve"] * rows.num_rows,
                "decided_at": rows["event_time"],
            }
        )

    def labels(self, ids: list[str], at: datetime) -> pa.Table:
        """Labels of frauds as the archive has them, known and recorded at a moment."""
        return pa.Table.from_pylist(
            [
                {"transaction_id": each, "is_fraud": True, "source": "chargeback", "reported_by": "issuer 7",
                 "known_at": at, "recorded_at": at}
                for each in ids
            ]
        )  # fmt: skip


def midnight(number: int) -> datetime:
    """A day's begin."""
    return datetime(BEGIN.year, BEGIN.month, BEGIN.day, tzinfo=timezone.utc) + timedelta(days=number)
