"""The feature groups, declared once: their names, their columns, and a record's form in the store.

A record's event time is text, ISO 8601 with milliseconds: the store takes that or seconds as a fraction, and only text is the
same moment to everyone who reads it, to the millisecond. A missing value is left out: the store has no null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from fraud.features.catalogue import (
    NIGHTLY_CARD_FEATURES,
    NIGHTLY_FEATURES,
    STREAM_FEATURES,
    Feature,
    names,
)
from fraud.features.nightly import CardRecord, PopulationRecord
from fraud.notation import decimal_number, whole_number

ColumnType = Literal["String", "Integral", "Fractional"]
FeatureValues = list[dict[str, str]]
"""A record as the store's API takes and gives it: [{"FeatureName": ..., "ValueAsString": ...}, ...]."""

EVENT_TIME = "trans_time"
HABITS = "habits"
POPULATION = "population"
"""The identifier, in the nightly group, of the record that holds every category's population figures."""


@dataclass(frozen=True, kw_only=True)
class FeatureGroup:
    """A feature group.

    Attributes:
        name: its published name.
        identifier: the column that says what a record is about.
        columns: each with its type, the identifier and `trans_time` first.
        online, offline: the stores that keep it.
    """

    name: str
    identifier: str
    columns: tuple[tuple[str, ColumnType], ...]
    online: bool
    offline: bool


def _columns(features: Iterable[Feature]) -> tuple[tuple[str, ColumnType], ...]:
    return tuple((feature.name, "Integral" if feature.type == "BIGINT" else "Fractional") for feature in features)


STREAM_GROUP = FeatureGroup(
    name="cc-agg-fg",
    identifier="cc_num",
    columns=(("cc_num", "String"), (EVENT_TIME, "String"), *_columns(STREAM_FEATURES)),
    online=True,
    offline=False,
)
NIGHTLY_GROUP = FeatureGroup(
    name="cc-agg-batch-fg",
    identifier="cc_num",
    columns=(("cc_num", "String"), (EVENT_TIME, "String"), *_columns(NIGHTLY_CARD_FEATURES), (HABITS, "String")),
    online=True,
    offline=True,
)
"""A card's nightly record; `trans_time` is the cut, `habits` is JSON: the card's categories and hours of the day. The record of
POPULATION has, as habits, {category: average}."""

TRAINING_GROUP = FeatureGroup(
    name="cc-transactions-fg",
    identifier="transaction_id",
    columns=(
        ("transaction_id", "String"),
        (EVENT_TIME, "String"),
        ("cc_num", "String"),
        ("category", "String"),
        ("amount_cents", "Integral"),
        ("is_fraud", "Integral"),
        *_columns((*STREAM_FEATURES, *NIGHTLY_FEATURES)),
    ),
    online=False,
    offline=True,
)
FEATURE_GROUPS = (STREAM_GROUP, NIGHTLY_GROUP, TRAINING_GROUP)

_CARD_FEATURES = tuple(
    (feature.name, whole_number if feature.type == "BIGINT" else decimal_number) for feature in NIGHTLY_CARD_FEATURES
)


def feature_values(group: FeatureGroup, values: Mapping[str, Any], moment_ms: int) -> FeatureValues:
    """One record of a group, from its columns' values.

    Args:
        group: where it goes.
        values: every column but `trans_time`; None is missing.
        moment_ms: its event time, milliseconds since 1970 in UTC.

    >>> record = feature_values(STREAM_GROUP, {name: None for name, _ in STREAM_GROUP.columns} | {"cc_num": "c1"}, 5)
    >>> [value["ValueAsString"] for value in record]
    ['c1', '1970-01-01T00:00:00.005Z']
    """
    given = {**values, EVENT_TIME: event_time(moment_ms)}
    return [
        {"FeatureName": name, "ValueAsString": _text(given[name], kind)}
        for name, kind in group.columns
        if given[name] is not None
    ]


def _text(value: Any, kind: ColumnType) -> str:
    # a whole number that came as JSON's 20.0 is still whole, and a fraction keeps every digit
    return str(value) if kind == "String" else repr(int(value)) if kind == "Integral" else repr(float(value))


def event_time(moment_ms: int) -> str:
    """A moment as the store takes it.

    >>> event_time(1_767_225_600_001)
    '2026-01-01T00:00:00.001Z'
    """
    seconds, ms = divmod(moment_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def event_ms(text: str) -> int:
    """The moment that `event_time` wrote, in milliseconds since 1970 in UTC. Raises ValueError."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def nightly_record(card: str, record: CardRecord) -> FeatureValues:
    """A card's nightly record as the group keeps it; `card_record` reads it."""
    habits = json.dumps({"categories": record["categories"], "hours": record["hours"]}, separators=(",", ":"))
    values = {name: record[name] for name in names(NIGHTLY_CARD_FEATURES)}
    return feature_values(NIGHTLY_GROUP, {**values, "cc_num": card, HABITS: habits}, record["cut_ms"])


def population_record(population: Mapping[str, PopulationRecord], cut_ms: int) -> FeatureValues:
    """The record of POPULATION; `population_of` reads it."""
    averages = {category: record["avg_amt_population_30d"] for category, record in population.items()}
    nothing = dict.fromkeys(names(NIGHTLY_CARD_FEATURES))
    habits = json.dumps(averages, separators=(",", ":"))
    return feature_values(NIGHTLY_GROUP, {**nothing, "cc_num": POPULATION, HABITS: habits}, cut_ms)


def card_record(values: Mapping[str, str]) -> CardRecord:
    """A card's nightly record, as the deciding step takes it, from {column: text}.

    Raises:
        KeyError, ValueError: it is not what `nightly_record` writes.

    >>> record = dict.fromkeys(names(NIGHTLY_CARD_FEATURES)) | {"categories": {"travel": [2, 25.0]}, "hours": {"1": 2}}
    >>> kept = nightly_record("c1", record | {"cut_ms": 86_400_000, "num_trans_all": 2})
    >>> found = card_record({value["FeatureName"]: value["ValueAsString"] for value in kept})
    >>> found["num_trans_all"], found["avg_amt_all"], found["cut_ms"], found["hours"]
    (2, None, 86400000, {'1': 2})
    """
    record: dict[str, Any] = json.loads(values[HABITS])
    for name, read in _CARD_FEATURES:
        record[name] = read(values[name]) if name in values else None
    record["cut_ms"] = event_ms(values[EVENT_TIME])
    return record


def population_of(values: Mapping[str, str]) -> dict[str, PopulationRecord]:
    """Every category's record, from {column: text}; raises as `card_record` does."""
    averages: dict[str, Any] = json.loads(values[HABITS])
    return {category: {"avg_amt_population_30d": average} for category, average in averages.items()}
