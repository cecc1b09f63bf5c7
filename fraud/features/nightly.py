"""The nightly record of a card, and its columns for a batch of transactions.

The batch engines reach the same columns by a join (`training_sql`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_HOUR
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.feature import CARD, HOUR, Feature

Row = Mapping[str, Any]
"""A row of an engine's table; the SQL that made it says its types."""

Habits = Mapping[str, Mapping[str, float | None]]
"""{feature: {value of the column that it is looked up by, as text: the feature's value}}; None is missing. A value that is not
there was never seen; a feature that is not there was not computed."""

Population = Habits
"""Of all cards."""

NO_HABITS: Habits = MappingProxyType({})


class CardRecord(NamedTuple):
    """What the nightly job knew of one card at the cut.

    Attributes:
        cut_ms: the cut, milliseconds since 1970 in UTC.
        features: {name: value} of the card's own features; None is missing.
        habits: the card's features at something else: its categories, its hours of the day.
    """

    cut_ms: int
    features: Mapping[str, float | None]
    habits: Habits = NO_HABITS


def card_records(
    rows: Mapping[str, Iterable[Row]], cut_ms: int, catalogue: Catalogue = CATALOGUE
) -> dict[str, CardRecord]:
    """The records of all cards, {cc_num: record}.

    Args:
        rows: {table: rows} of those tables of `snapshot_sql` that have the card in their key.
        cut_ms: the cut, milliseconds since 1970 in UTC.
        catalogue: the declarations.
    """
    own, tables = names(catalogue.card_features), _tables(catalogue, of_all_cards=False)
    found: dict[str, dict[str, dict[str, float | None]]] = defaultdict(
        lambda: {name: {} for _, _, given in tables for name in given}
    )
    for table, column, given in tables:
        for row in rows[table]:
            habits = found[row[CARD]]
            for name in given:
                habits[name][str(row[column])] = row[name]
    return {
        row[CARD]: CardRecord(cut_ms, {name: row[name] for name in own}, found[row[CARD]])
        for row in rows["nightly_card"]
    }


def population_habits(rows: Mapping[str, Iterable[Row]], catalogue: Catalogue = CATALOGUE) -> Population:
    """What is known of all cards together.

    Args:
        rows: {table: rows} of those tables of `snapshot_sql` that have no card in their key.
        catalogue: the declarations.
    """
    found: dict[str, dict[str, float | None]] = {}
    for table, column, given in _tables(catalogue, of_all_cards=True):
        found |= {name: {} for name in given}
        for row in rows[table]:
            for name in given:
                found[name][str(row[column])] = row[name]
    return found


def _tables(catalogue: Catalogue, *, of_all_cards: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    """The tables of habits that are looked up by a column: table, column, features."""
    return [
        (table, habits[0].column, names(feature for habit in habits for feature in habit.features))
        for table, habits in catalogue.nightly_tables.items()
        if habits and habits[0].column is not None and habits[0].of_all_cards == of_all_cards
    ]


def entity_identifiers(keys: Mapping[str, str], catalogue: Catalogue = CATALOGUE) -> tuple[str, ...]:
    """Of the records, in the nightly group, of what a transaction names besides its card: those of the risks.

    Args:
        keys: {column: value} of the catalogue's `habit_columns`, those that the transaction has.
        catalogue: the declarations.

    >>> entity_identifiers({"category": "travel"})
    ()
    """
    return tuple(risk.identifier(keys[risk.key]) for risk in catalogue.risks if risk.key in keys)


def nightly_columns(
    keys: Mapping[str, Sequence[str | None]],
    event_ms: NDArray[np.int64],
    cards: Sequence[CardRecord | None],
    population: Population,
    catalogue: Catalogue = CATALOGUE,
) -> dict[str, NDArray[np.float64]]:
    """What n transactions have as of the nightly cut, looked up in their cards' records and in what is known of all cards.

    Args:
        keys: {column: n values} of the catalogue's `habit_columns`; None is missing.
        event_ms: n moments, milliseconds since 1970 in UTC.
        cards: n records; None for a card that the last cut did not know.
        population: what is known of all cards together.
        catalogue: the declarations.

    Returns:
        One array of n float64 for each of the catalogue's `cut_features`; NaN is missing: the transaction has no such key, the
        record does not hold the feature, or it has no history.

    >>> card = CardRecord(0, {}, {"avg_amt_category_all": {"travel": 25.0}, "num_trans_hour_all": {"1": 2}})
    >>> columns = nightly_columns({"category": ["travel"] * 2}, np.array([3_600_000] * 2), [card, None], {})
    >>> columns["avg_amt_category_all"].tolist(), columns["num_trans_hour_all"].tolist()
    ([25.0, nan], [2.0, 0.0])
    """
    unknown = _unknown_card(catalogue)
    known = [unknown if card is None else card for card in cards]
    at = {**keys, HOUR: [str(hour) for hour in (event_ms // MS_PER_HOUR % 24).tolist()]}
    columns: dict[str, NDArray[np.float64]] = {}
    for habit in catalogue.habits:
        for feature in habit.features:
            name, nothing = feature.name, _nothing(feature)
            if habit.column is None:
                values = [card.features.get(name) for card in known]
            elif habit.of_all_cards:
                values = [_found(population.get(name), key, nothing) for key in at[habit.column]]
            else:
                pairs = zip(known, at[habit.column], strict=True)
                values = [_found(card.habits.get(name), key, nothing) for card, key in pairs]
            columns[name] = np.array(values, dtype=np.float64)
    for risk in catalogue.risks:
        for name in names(risk.features):
            shares = [_found(population.get(name), key, None) for key in at[risk.key]]
            columns[name] = np.array(shares, dtype=np.float64)
    return columns


def _found(values: Mapping[str, float | None] | None, key: str | None, nothing: float | None) -> float | None:
    return None if values is None or key is None else values.get(key, nothing)


def _nothing(feature: Feature) -> float | None:
    """Of what was never seen: a count is known to be 0."""
    return 0 if feature.type == "BIGINT" else None


def _unknown_card(catalogue: Catalogue) -> CardRecord:
    own = {feature.name: _nothing(feature) for feature in catalogue.card_features}
    return CardRecord(0, own, {name: {} for _, _, given in _tables(catalogue, of_all_cards=False) for name in given})
