"""The nightly record of a card, as the store keeps it, and its columns for a batch of transactions.

A record is what the nightly job knew of one card at the cut: a flat mapping of the card's features, with the card's categories
and hours of the day inside it. The batch engines reach the same columns by a join (`TRAINING_SQL`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.features.catalogue import NIGHTLY_CARD_FEATURES, names

CardRecord = Mapping[str, Any]
"""Keys: the names of NIGHTLY_CARD_FEATURES (NULL as None), `cut_ms`, `categories` {category: [count, average amount]},
`hours` {hour as text: count}."""

PopulationRecord = Mapping[str, Any]
"""A category's key: `avg_amt_population_30d`."""

_CARD_NAMES = names(NIGHTLY_CARD_FEATURES)
_UNKNOWN_CARD: CardRecord = {name: 0 if name.startswith("num_") else None for name in _CARD_NAMES}


def card_records(
    card_rows: Iterable[Mapping[str, Any]],
    category_rows: Iterable[Mapping[str, Any]],
    hour_rows: Iterable[Mapping[str, Any]],
    cut_ms: int,
) -> dict[str, dict[str, Any]]:
    """The records of all cards, from the rows of `snapshot_sql`'s first three tables.

    Returns:
        {cc_num: record}, ready for JSON.
    """
    records: dict[str, dict[str, Any]] = {
        row["cc_num"]: {**{name: row[name] for name in _CARD_NAMES}, "cut_ms": cut_ms, "categories": {}, "hours": {}}
        for row in card_rows
    }
    for row in category_rows:
        counted = [row["num_trans_category_all"], row["avg_amt_category_all"]]
        records[row["cc_num"]]["categories"][row["category"]] = counted
    for row in hour_rows:
        records[row["cc_num"]]["hours"][str(row["hour"])] = row["num_trans_hour_all"]
    return records


def nightly_columns(
    category: Sequence[str],
    event_ms: NDArray[np.int64],
    cards: Sequence[CardRecord | None],
    population: Mapping[str, PopulationRecord],
) -> dict[str, NDArray[np.float64]]:
    """The nightly features of n transactions, looked up in their cards' records.

    Args:
        category: n categories.
        event_ms: n moments, milliseconds since 1970 in UTC.
        cards: n records; None for a card that the last cut did not know.
        population: a record for each category.

    Returns:
        One array of n float64 for each of NIGHTLY_FEATURES; NaN is missing.

    >>> card = dict(_UNKNOWN_CARD, num_trans_all=3, avg_amt_all=20.0, categories={"travel": [2, 25.0]}, hours={"1": 2})
    >>> columns = nightly_columns(["travel", "travel"], np.array([3_600_000, 3_600_000]), [card, None], {})
    >>> columns["avg_amt_category_all"].tolist(), columns["num_trans_hour_all"].tolist()
    ([25.0, nan], [2.0, 0.0])
    """
    known = [_UNKNOWN_CARD if card is None else card for card in cards]
    hours = (event_ms // 3_600_000 % 24).tolist()
    in_category = [card.get("categories", {}).get(name, (0, None)) for card, name in zip(known, category, strict=True)]
    columns: dict[str, Sequence[float | None]] = {name: [card[name] for card in known] for name in _CARD_NAMES}
    columns["num_trans_category_all"] = [counted[0] for counted in in_category]
    columns["avg_amt_category_all"] = [counted[1] for counted in in_category]
    columns["num_trans_hour_all"] = [
        card.get("hours", {}).get(str(hour), 0) for card, hour in zip(known, hours, strict=True)
    ]
    columns["avg_amt_population_30d"] = [population.get(name, {}).get("avg_amt_population_30d") for name in category]
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
