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
    LARGEST,
    NIGHTLY_CARD_FEATURES,
    NIGHTLY_FEATURES,
    STREAM_FEATURES,
    names,
)
from fraud.features.feature import Feature
from fraud.features.nightly import CardRecord, Habit, Population
from fraud.notation import NotationError, decimal_number, whole_number

ColumnType = Literal["String", "Integral", "Fractional"]
Value = str | int | float | None
"""Of a column; None is missing."""
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


def feature_values(group: FeatureGroup, values: Mapping[str, Value], moment_ms: int) -> FeatureValues:
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
        {"FeatureName": name, "ValueAsString": _text(value, kind)}
        for name, kind in group.columns
        if (value := given[name]) is not None
    ]


def _text(value: str | int | float, kind: ColumnType) -> str:
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


class MalformedRecordError(ValueError):
    """A nightly record that the nightly job did not write: names the column, what is wrong, and what is allowed."""


def nightly_record(card: str, record: CardRecord) -> FeatureValues:
    """A card's nightly record as the group keeps it; `card_record` reads it."""
    habits = json.dumps(
        {"categories": record.categories, "hours": record.hours}, separators=(",", ":"), allow_nan=False
    )
    return feature_values(NIGHTLY_GROUP, {**record.features, "cc_num": card, HABITS: habits}, record.cut_ms)


def population_record(population: Population, cut_ms: int) -> FeatureValues:
    """The record of POPULATION; `population_of` reads it."""
    habits = json.dumps(population, separators=(",", ":"), allow_nan=False)
    nothing: dict[str, Value] = dict.fromkeys(names(NIGHTLY_CARD_FEATURES))
    return feature_values(NIGHTLY_GROUP, {**nothing, "cc_num": POPULATION, HABITS: habits}, cut_ms)


def card_record(values: Mapping[str, str]) -> CardRecord:
    """A card's nightly record, as the deciding step takes it, from {column: text}. A feature that is not there is missing.

    Raises:
        MalformedRecordError: it is not what `nightly_record` writes.

    >>> record = CardRecord(86_400_000, {name: None for name, _ in _CARD_FEATURES}, {"travel": Habit(2, 25.0)}, {"1": 2})
    >>> kept = nightly_record("c1", record)
    >>> card_record({value["FeatureName"]: value["ValueAsString"] for value in kept}) == record
    True
    """
    habits = _json_object(values)
    return CardRecord(_cut(values), _features(values), _categories(habits), _hours(habits))


def population_of(values: Mapping[str, str]) -> Population:
    """Every category's average, from {column: text}; raises as `card_record` does."""
    averages = _json_object(values)
    if not all(map(_is_average, averages.values())):
        raise MalformedRecordError(f"{HABITS}: an average that is none; allowed: {{category: a number or null}}")
    return averages


def _json_object(values: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(values.get(HABITS, ""))
    except (ValueError, RecursionError) as error:
        raise MalformedRecordError(f"{HABITS}: {error}; allowed: a JSON object") from error
    if not isinstance(found, dict):
        raise MalformedRecordError(f"{HABITS}: a JSON {type(found).__name__}; allowed: a JSON object")
    return found


def _cut(values: Mapping[str, str]) -> int:
    text = values.get(EVENT_TIME, "missing")
    try:
        return event_ms(text)
    except ValueError as error:
        raise MalformedRecordError(f"{EVENT_TIME}: {text[:40]!r}; allowed: as 2026-01-31T00:00:00.000Z") from error


def _features(values: Mapping[str, str]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name, read in _CARD_FEATURES:
        text = values.get(name)
        try:
            found[name] = None if text is None else read(text)
        except NotationError as error:
            raise MalformedRecordError(f"{name}: {error}") from error
    return found


def _categories(habits: Mapping[str, Any]) -> dict[str, Habit]:
    found: dict[str, Habit] = {}
    for category, habit in _object(habits, "categories").items():
        if type(habit) is not list or len(habit) != 2 or not (_is_count(habit[0]) and _is_average(habit[1])):
            raise MalformedRecordError(f"{HABITS}: categories: a habit that is none; allowed: [count, average or null]")
        found[category] = Habit(habit[0], habit[1])
    return found


def _hours(habits: Mapping[str, Any]) -> dict[str, int]:
    hours = _object(habits, "hours")
    if not all(map(_is_count, hours.values())):
        raise MalformedRecordError(f"{HABITS}: hours: a count that is none; allowed: {{hour: whole number}}")
    return hours


def _object(habits: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = habits.get(name, {})
    if type(found) is not dict:
        raise MalformedRecordError(f"{HABITS}: {name}: a JSON {type(found).__name__}; allowed: an object")
    return found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_average(value: object) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value <= LARGEST)  # type: ignore[operator] # as just checked
