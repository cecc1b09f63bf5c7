"""The feature groups, declared once: their names, their columns, and a record's form in the store.

A record's event time is text, ISO 8601 with milliseconds: the store takes that or seconds as a fraction, and only text is the
same moment to everyone who reads it, to the millisecond. A missing value is left out: the store has no null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Any, Literal

from fraud.features.catalogue import CATALOGUE, LARGEST, Catalogue, names
from fraud.features.feature import CARD, Feature
from fraud.features.nightly import CardRecord, Habits, Population
from fraud.notation import NotationError, decimal_number, whole_number

ColumnType = Literal["String", "Integral", "Fractional"]
Value = str | int | float | None
"""Of a column; None is missing."""
FeatureValues = list[dict[str, str]]
"""A record as the store's API takes and gives it: [{"FeatureName": ..., "ValueAsString": ...}, ...]."""

EVENT_TIME = "trans_time"
HABITS = "habits"
_MEMBERS = {
    "categories": ("num_trans_category_all", "avg_amt_category_all"),
    "hours": ("num_trans_hour_all",),
}
"""{member of a card's JSON `habits`: the features that it holds, by their places}, as published. Every other feature is a member
by its own name, which a reader of another release passes over."""
_POPULATIONS = {"avg_amt_population_30d": "population"}
"""The published identifiers of records of all cards; every other feature of all cards has a record by its own name."""
_OF_MEMBERS = {name: (member, place) for member, held in _MEMBERS.items() for place, name in enumerate(held)}


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


@cache
def stream_group(catalogue: Catalogue = CATALOGUE) -> FeatureGroup:
    """A card's stream features, as of its last transaction."""
    return FeatureGroup(
        name="cc-agg-fg",
        identifier=CARD,
        columns=((CARD, "String"), (EVENT_TIME, "String"), *_columns(catalogue.stream_features)),
        online=True,
        offline=False,
    )


@cache
def nightly_group(catalogue: Catalogue = CATALOGUE) -> FeatureGroup:
    """A card's nightly record; `trans_time` is the cut, `habits` is JSON: the card's categories and hours of the day.

    A record of all cards has one feature as habits, as {category: average}.
    """
    return FeatureGroup(
        name="cc-agg-batch-fg",
        identifier=CARD,
        columns=((CARD, "String"), (EVENT_TIME, "String"), *_columns(catalogue.card_features), (HABITS, "String")),
        online=True,
        offline=True,
    )


@cache
def training_group(catalogue: Catalogue = CATALOGUE) -> FeatureGroup:
    """Transactions with all features, as they were judged by."""
    return FeatureGroup(
        name="cc-transactions-fg",
        identifier="transaction_id",
        columns=(
            ("transaction_id", "String"),
            (EVENT_TIME, "String"),
            (CARD, "String"),
            ("category", "String"),
            ("amount_cents", "Integral"),
            ("is_fraud", "Integral"),
            *_columns((*catalogue.stream_features, *catalogue.nightly_features)),
        ),
        online=False,
        offline=True,
    )


STREAM_GROUP, NIGHTLY_GROUP, TRAINING_GROUP = FEATURE_GROUPS = (stream_group(), nightly_group(), training_group())


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


def population_identifiers(catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """{feature of all cards: the identifier, in the nightly group, of the record that holds it}.

    >>> population_identifiers()
    {'avg_amt_population_30d': 'population'}
    """
    habits = (habit for habit in catalogue.habits if habit.of_all_cards)
    return {name: _POPULATIONS.get(name, name) for habit in habits for name in names(habit.features)}


def nightly_record(card: str, record: CardRecord, catalogue: Catalogue = CATALOGUE) -> FeatureValues:
    """A card's nightly record as the group keeps it; `card_record` reads it."""
    members: dict[str, object] = {name: values for name, values in record.habits.items() if name not in _OF_MEMBERS}
    for member, held in _MEMBERS.items():
        of_each = [record.habits.get(name, {}) for name in held]
        keys = dict.fromkeys(key for of_one in of_each for key in of_one)
        members[member] = {
            key: of_each[0][key] if len(held) == 1 else [of_one.get(key) for of_one in of_each] for key in keys
        }
    values = {**record.features, CARD: card, HABITS: _json(members)}
    return feature_values(nightly_group(catalogue), values, record.cut_ms)


def population_records(population: Population, cut_ms: int, catalogue: Catalogue = CATALOGUE) -> list[FeatureValues]:
    """The records of all cards together; `population_of` reads them."""
    group = nightly_group(catalogue)
    nothing: dict[str, Value] = dict.fromkeys(names(catalogue.card_features))
    return [
        feature_values(group, {**nothing, CARD: identifier, HABITS: _json(population[name])}, cut_ms)
        for name, identifier in population_identifiers(catalogue).items()
    ]


def card_record(values: Mapping[str, str], catalogue: Catalogue = CATALOGUE) -> CardRecord:
    """A card's nightly record, as the deciding step takes it, from {column: text}. A feature that is not there is missing.

    Raises:
        MalformedRecordError: it is not what `nightly_record` writes.

    >>> habits = {"num_trans_category_all": {"travel": 2}, "avg_amt_category_all": {"travel": 25.0}}
    >>> habits["num_trans_hour_all"] = {"1": 2}
    >>> record = CardRecord(86_400_000, dict.fromkeys(names(CATALOGUE.card_features)), habits)
    >>> kept = nightly_record("c1", record)
    >>> card_record({value["FeatureName"]: value["ValueAsString"] for value in kept}) == record
    True
    """
    return CardRecord(_cut(values), _features(values, catalogue), _habits(_json_object(values), catalogue))


def population_of(records: Mapping[str, Mapping[str, str]], catalogue: Catalogue = CATALOGUE) -> Population:
    """What is known of all cards together, from {identifier: {column: text}}; raises as `card_record` does.

    The features of a record that is not there are missing.
    """
    kinds = _kinds(catalogue)
    return {
        name: _checked(name, _json_object(records[identifier]), kinds[name])
        for name, identifier in population_identifiers(catalogue).items()
        if identifier in records
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _json_object(values: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(values.get(HABITS, ""))
    except (ValueError, RecursionError) as error:
        raise MalformedRecordError(f"{HABITS}: {error}; allowed: a JSON object") from error
    return _object(HABITS, found)


def _cut(values: Mapping[str, str]) -> int:
    text = values.get(EVENT_TIME, "missing")
    try:
        return event_ms(text)
    except ValueError as error:
        raise MalformedRecordError(f"{EVENT_TIME}: {text[:40]!r}; allowed: as 2026-01-31T00:00:00.000Z") from error


def _features(values: Mapping[str, str], catalogue: Catalogue) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for feature in catalogue.card_features:
        text, read = values.get(feature.name), whole_number if feature.type == "BIGINT" else decimal_number
        try:
            found[feature.name] = None if text is None else read(text)
        except NotationError as error:
            raise MalformedRecordError(f"{feature.name}: {error}") from error
    return found


def _habits(members: Mapping[str, Any], catalogue: Catalogue) -> Habits:
    """The declared features that are there; a member that is not known is skipped."""
    found: dict[str, dict[str, float | None]] = {}
    for name, kind in _kinds(catalogue).items():
        member, place = _OF_MEMBERS.get(name, (name, 0))
        if member in members:
            of_member = _object(f"{HABITS}: {member}", members[member])
            if len(_MEMBERS.get(member, ())) > 1:
                of_member = {key: _at(place, values, member) for key, values in of_member.items()}
            found[name] = _checked(member, of_member, kind)
    return found


def _at(place: int, values: object, member: str) -> Any:
    if type(values) is not list or len(values) != len(_MEMBERS[member]):
        allowed = f"a list of {len(_MEMBERS[member])}: {', '.join(_MEMBERS[member])}"
        raise MalformedRecordError(f"{HABITS}: {member}: a habit that is none; allowed: {allowed}")
    return values[place]


def _kinds(catalogue: Catalogue) -> dict[str, str]:
    """{feature that is looked up by a column: its type}."""
    habits = (habit for habit in catalogue.habits if habit.column is not None)
    return {feature.name: feature.type for habit in habits for feature in habit.features}


def _checked(member: str, values: dict[str, Any], kind: str) -> dict[str, float | None]:
    if kind == "BIGINT" and not all(map(_is_count, values.values())):
        raise MalformedRecordError(f"{HABITS}: {member}: a count that is none; allowed: whole numbers")
    if kind == "DOUBLE" and not all(map(_is_amount, values.values())):
        raise MalformedRecordError(f"{HABITS}: {member}: an amount that is none; allowed: numbers, or null")
    return values


def _object(where: str, found: object) -> dict[str, Any]:
    if type(found) is not dict:
        raise MalformedRecordError(f"{where}: a JSON {type(found).__name__}; allowed: an object")
    return found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_amount(value: object) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value <= LARGEST)  # type: ignore[operator] # as just checked
