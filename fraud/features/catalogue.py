"""Every feature, declared once: its name, type, unit, window and what it is when there is nothing to compute it from.

The stream job's output, the nightly store, the training set and the model's vector take their names from these tables.
"""

from __future__ import annotations

from fraud.features.feature import Feature
from fraud.features.windows import STREAM_WINDOWS

LARGEST = 1e15
"""No feature's value is larger."""


def _count(name: str, window: str, says: str, missing: str = "0") -> Feature:
    return Feature(name=name, type="BIGINT", unit="transactions", window=window, missing=missing, says=says)


def _amount(name: str, window: str, says: str, missing: str = "missing without history") -> Feature:
    return Feature(name=name, type="DOUBLE", unit="currency", window=window, missing=missing, says=says)


STREAM_FEATURES = tuple(feature for window in STREAM_WINDOWS for feature in window.features)
"""Up to and with the transaction itself; the stream job computes them."""

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
