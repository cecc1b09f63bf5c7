"""An archive in which customers, and fraud, come to behave otherwise: what was transacted, and what is known of it in the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from fraud.decision import Decision
from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS, given_input, model_vector
from fraud.world import WorldSettings, generate, tokenised
from fraud.world.tables import stream_columns
from lambda_src.archive.rows import DECISIONS, decision_row
from lambda_src.ports.endpoint_scorer import EndpointScorer
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load

BEGIN = date(2026, 1, 1)
DAYS, DRIFT_FROM = 60, 36
"""Days in all, and the first on which anything is otherwise."""
TRIPLED = ("grocery_pos", "gas_transport")
"""The categories whose amounts are three times what they were."""
NEW_PATTERN = "shopping_pos"
"""The category in which a new fraud is tried: a few coins."""


def day_of(number: int) -> str:
    """A day as 2026-01-31, counted from the first."""
    return str(BEGIN + timedelta(days=number))


@dataclass
class DriftingArchive:
    """The transactions, in the order of time, and of each whether it is fraud and on which day it was."""

    transactions: pa.Table
    is_fraud: np.ndarray
    day: np.ndarray

    @classmethod
    def make(cls, cards: int = 300, seed: int = 3) -> DriftingArchive:
        """A made-up world with a change."""
        world = tokenised(generate(WorldSettings(cards=cards, days=DAYS, fraud_rate=0.01, seed=seed)), b"k" * 16)
        rows = world.sort_by("event_time")
        cents, category = rows["amount_cents"].to_numpy().copy(), np.array(rows["category"].to_pylist())
        first_ms = int(datetime(BEGIN.year, BEGIN.month, BEGIN.day, tzinfo=timezone.utc).timestamp()) * 1000
        day = (rows["event_time"].cast(pa.int64()).to_numpy() - first_ms) // 86_400_000
        fraud = np.array(rows["is_fraud"].to_pylist(), dtype=bool)
        later = day >= DRIFT_FROM
        cents[later & np.isin(category, TRIPLED)] *= 3
        tried = later & (category == NEW_PATTERN) & (np.random.default_rng(seed).random(len(day)) < 0.15)
        cents[tried] = 100 + cents[tried] % 100
        place = rows.column_names.index("amount_cents")
        rows = rows.set_column(place, "amount_cents", pa.array(cents))
        return cls(rows.select(stream_columns(rows)), fraud | tried, day)

    @property
    def ids(self) -> list[str]:
        """Of all transactions."""
        return list(self.transactions["transaction_id"].to_pylist())

    def frauds(self, first: int, until: int) -> list[str]:
        """The ids of the frauds of some days."""
        return [each for each, fraud, day in zip(self.ids, self.is_fraud, self.day, strict=True)
                if fraud and first <= day < until]  # fmt: skip

    def outcomes(self) -> pa.Table:
        """Each was approved as it came, as the archive has decisions."""
        at = self.transactions["event_time"].to_pylist()
        ids = zip(self.ids, at, strict=True)
        return pa.Table.from_pylist(
            [{"transaction_id": one, "outcome": "approve", "decided_at": when} for one, when in ids]
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

    def features(self) -> pd.DataFrame:
        """All features of all transactions, with `day`."""
        given = self.transactions.to_pandas()
        with engine() as connection:
            connection.register("given", given)
            load(connection, "given")
            compute(connection)
            rows = features_frame(connection, "given")
        days = pd.DataFrame({"transaction_id": self.ids, "day": self.day})
        return rows.merge(days, on="transaction_id")


def decided(rows: pd.DataFrame, scorer: EndpointScorer) -> pa.Table:
    """The decisions of rows as the archive has them, each scored by what serves."""
    takes = given_input(rows)
    scores = scorer.score(model_vector(rows, takes), takes, 0)
    found: list[dict[str, Any]] = []
    for (_, row), value in zip(rows.iterrows(), scores.scores, strict=True):
        features = {
            name: row[name] for name in INPUT_COLUMNS if name in row.index and name not in ("amount_cents", "event_ms")
        }
        features = {
            name: None if pd.isna(each) else each if name in CATEGORY_FEATURES else float(each)
            for name, each in features.items()
        }
        found.append(
            decision_row(
                Decision(
                    transaction_id=row["transaction_id"], cc_num=row["cc_num"], amount_cents=int(row["amount_cents"]),
                    trans_time=int(row["event_ms"]), decided_at=int(row["event_ms"]) + 5, outcome="approve", path="model",
                    score=float(value), model_version=scores.model_version,
                    features={"amount": row["amount_cents"] / 100, **features},
                )
            )
        )  # fmt: skip
    return pa.Table.from_pylist(found, DECISIONS)
