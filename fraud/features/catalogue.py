"""Every feature, declared once: its name, type, unit, window and what it is when there is nothing to compute it from.

The stream job's output, the nightly store, the training set and the model's vector take their names from these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LARGEST = 1e15
"""No feature's value is larger."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    Attributes:
        name: its column, in every table, topic and feature group.
        type: its SQL type.
        unit: of its values.
        window: the transactions it looks back over.
        missing: what it is when the window holds nothing to compute it from.
        says: the feature in plain words, for a reason shown to an analyst.
    """

    name: str
    type: Literal["BIGINT", "DOUBLE"]
    unit: str
    window: str
    missing: str
    says: str


def _count(name: str, window: str, says: str, missing: str = "0") -> Feature:
    return Feature(name=name, type="BIGINT", unit="transactions", window=window, missing=missing, says=says)


def _amount(name: str, window: str, says: str, missing: str = "missing without history") -> Feature:
    return Feature(name=name, type="DOUBLE", unit="currency", window=window, missing=missing, says=says)


def _age(name: str, window: str, says: str) -> Feature:
    missing = "missing if the transaction is alone in the window"
    return Feature(name=name, type="DOUBLE", unit="seconds", window=window, missing=missing, says=says)


STREAM_FEATURES = (
    _count("num_trans_last_10m", "10 minutes", "transactions in the last 10 minutes", "never: counts itself"),
    _amount("avg_amt_last_10m", "10 minutes", "average amount in the last 10 minutes", "never: counts itself"),
    _count("num_trans_last_1h", "1 hour", "transactions in the last hour", "never: counts itself"),
    _amount("avg_amt_last_1h", "1 hour", "average amount in the last hour", "never: counts itself"),
    _age("mean_age_last_1h", "1 hour", "how long ago the last hour's other transactions were"),
    _count("num_trans_last_1d", "1 day", "transactions in the last day", "never: counts itself"),
    _amount("avg_amt_last_1d", "1 day", "average amount in the last day", "never: counts itself"),
    _age("mean_age_last_1d", "1 day", "how long ago the last day's other transactions were"),
)
"""Per card, up to and with the transaction itself; the stream job computes them (`window_*.sql`)."""

NIGHTLY_CARD_FEATURES = (
    _count("num_trans_last_1w", "1 week before the cut", "transactions in the week before"),
    _amount("avg_amt_last_1w", "1 week before the cut", "average amount in the week before"),
    _count("num_trans_last_30d", "30 days before the cut", "transactions in the 30 days before"),
    _amount("avg_amt_last_30d", "30 days before the cut", "average amount in the 30 days before"),
    _amount("max_amt_last_30d", "30 days before the cut", "largest amount in the 30 days before"),
    _count("num_trans_all", "all before the cut", "transactions in the card's history"),
    _amount("avg_amt_all", "all before the cut", "average amount in the card's history"),
)
"""Per card, as of the nightly cut (00:00 UTC): `nightly_card.sql`."""

NIGHTLY_CATEGORY_FEATURES = (
    _count("num_trans_category_all", "all before the cut", "the card's transactions in this category"),
    _amount("avg_amt_category_all", "all before the cut", "the card's average amount in this category"),
)
"""Per card and category, as of the cut: `nightly_category.sql`."""

NIGHTLY_HOUR_FEATURES = (
    _count("num_trans_hour_all", "all before the cut", "the card's transactions at this hour of the day"),
)
"""Per card and hour of the day (UTC), as of the cut: `nightly_hour.sql`."""

NIGHTLY_POPULATION_FEATURES = (
    _amount("avg_amt_population_30d", "30 days before the cut", "all cards' average amount in this category"),
)
"""Per category over all cards, as of the cut: `nightly_population.sql`."""

NIGHTLY_FEATURES = (
    *NIGHTLY_CARD_FEATURES,
    *NIGHTLY_CATEGORY_FEATURES,
    *NIGHTLY_HOUR_FEATURES,
    *NIGHTLY_POPULATION_FEATURES,
)


def names(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """The features' names, in order.

    >>> names(NIGHTLY_HOUR_FEATURES)
    ('num_trans_hour_all',)
    """
    return tuple(feature.name for feature in features)
