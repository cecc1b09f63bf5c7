"""The nightly record of a card, and its columns for a batch of transactions.

The batch engines reach the same columns by a join (`TRAINING_SQL`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_HOUR
from fraud.features.catalogue import NIGHTLY_CARD_FEATURES, names

Row = Mapping[str, Any]
"""A row of an engine's table; the SQL that made it says its types."""

Population = Mapping[str, float | None]
"""{category: `avg_amt_population_30d`}."""


class Habit(NamedTuple):
    """A card's transactions in one category before the cut.

    Attributes:
        transactions: how many.
        average: their average amount; None is missing.
    """

    transactions: int
    average: float | None


class CardRecord(NamedTuple):
    """What the nightly job knew of one card at the cut.

    Attributes:
        cut_ms: the cut, milliseconds since 1970 in UTC.
        features: {name: value} of NIGHTLY_CARD_FEATURES; None is missing.
        categories: {category: its habit}.
        hours: {hour of the day in UTC, as text: how many transactions}.
    """

    cut_ms: int
    features: Mapping[str, float | None]
    categories: Mapping[str, Habit]
    hours: Mapping[str, int]


_CARD_NAMES = names(NIGHTLY_CARD_FEATURES)
_UNKNOWN_CARD = CardRecord(0, {name: 0 if name.startswith("num_") else None for name in _CARD_NAMES}, {}, {})
_NO_HABIT = Habit(0, None)


def card_records(
    card_rows: Iterable[Row], category_rows: Iterable[Row], hour_rows: Iterable[Row], cut_ms: int
) -> dict[str, CardRecord]:
    """The records of all cards, {cc_num: record}, from the rows of `snapshot_sql`'s first three tables."""
    categories: dict[str, dict[str, Habit]] = defaultdict(dict)
    hours: dict[str, dict[str, int]] = defaultdict(dict)
    for row in category_rows:
        habit = Habit(row["num_trans_category_all"], row["avg_amt_category_all"])
        categories[row["cc_num"]][row["category"]] = habit
    for row in hour_rows:
        hours[row["cc_num"]][str(row["hour"])] = row["num_trans_hour_all"]
    records = {}
    for row in card_rows:
        card = row["cc_num"]
        records[card] = CardRecord(cut_ms, {name: row[name] for name in _CARD_NAMES}, categories[card], hours[card])
    return records


def nightly_columns(
    category: Sequence[str],
    event_ms: NDArray[np.int64],
    cards: Sequence[CardRecord | None],
    population: Population,
) -> dict[str, NDArray[np.float64]]:
    """The nightly features of n transactions, looked up in their cards' records.

    Args:
        category: n categories.
        event_ms: n moments, milliseconds since 1970 in UTC.
        cards: n records; None for a card that the last cut did not know.
        population: every category's average.

    Returns:
        One array of n float64 for each of NIGHTLY_FEATURES; NaN is missing.

    >>> card = _UNKNOWN_CARD._replace(categories={"travel": Habit(2, 25.0)}, hours={"1": 2})
    >>> columns = nightly_columns(["travel", "travel"], np.array([3_600_000, 3_600_000]), [card, None], {})
    >>> columns["avg_amt_category_all"].tolist(), columns["num_trans_hour_all"].tolist()
    ([25.0, nan], [2.0, 0.0])
    """
    known = [_UNKNOWN_CARD if card is None else card for card in cards]
    hours = (event_ms // MS_PER_HOUR % 24).tolist()
    habits = [card.categories.get(name, _NO_HABIT) for card, name in zip(known, category, strict=True)]
    columns: dict[str, Sequence[float | None]] = {name: [card.features[name] for card in known] for name in _CARD_NAMES}
    columns["num_trans_category_all"] = [habit.transactions for habit in habits]
    columns["avg_amt_category_all"] = [habit.average for habit in habits]
    columns["num_trans_hour_all"] = [card.hours.get(str(hour), 0) for card, hour in zip(known, hours, strict=True)]
    columns["avg_amt_population_30d"] = [population.get(name) for name in category]
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
