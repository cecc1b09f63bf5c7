"""The records of the nightly store, as the nightly job writes them and the deciding step reads them.

Whoever reads one may be of another release: a feature that it does not hold is missing, and one that is not known is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fraud.features.catalogue import CATALOGUE, LARGEST, Catalogue, names
from fraud.features.feature import CARD
from fraud.features.groups import EVENT_TIME, HABITS, FeatureValues, Value, event_ms, feature_values, nightly_group
from fraud.features.nightly import CardRecord, Habits, Population, Row
from fraud.features.risks import Risk
from fraud.notation import NotationError, decimal_number, whole_number

_MEMBERS = {
    "categories": ("num_trans_category_all", "avg_amt_category_all"),
    "hours": ("num_trans_hour_all",),
}
"""{member of a card's JSON `habits`: the features that it holds, by their places}, as published. Every other feature is a member
by its own name, which a reader of another release passes over."""
_POPULATIONS = {"avg_amt_population_30d": "population"}
"""The published identifiers of records of all cards; every other feature of all cards has a record by its own name."""
_OF_MEMBERS = {name: (member, place) for member, held in _MEMBERS.items() for place, name in enumerate(held)}


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


def entity_records(
    risk: Risk, rows: Iterable[Row], cut_ms: int, catalogue: Catalogue = CATALOGUE
) -> Iterator[FeatureValues]:
    """A record for each row of a risk's table as of the cut; `shares_of` reads them. All in one would be over 350 KB."""
    group, of_risk = nightly_group(catalogue), names(risk.features)
    nothing: dict[str, Value] = dict.fromkeys(names(catalogue.card_features))
    for row in rows:
        shares = _json({name: row[name] for name in of_risk})
        yield feature_values(group, {**nothing, CARD: risk.identifier(row[risk.key]), HABITS: shares}, cut_ms)


class Shares(NamedTuple):
    """What records of `entity_records` say.

    Attributes:
        population: {feature: {value of the risk's key: share}}.
        malformed: {identifier: what is wrong}, of the records that cannot be read.
    """

    population: Population
    malformed: Mapping[str, str]


def is_entity(identifier: str, catalogue: Catalogue = CATALOGUE) -> bool:
    """Whether a record of the nightly group is one of `entity_records`."""
    return any(identifier.startswith(risk.identifier("")) for risk in catalogue.risks)


def shares_of(
    records: Mapping[str, Mapping[str, str]], since_ms: int | None, catalogue: Catalogue = CATALOGUE
) -> Shares:
    """What is said of merchants, terminals or categories, from {identifier: {column: text}}.

    Args:
        records: of those identifiers for which `is_entity` holds.
        since_ms: the cut of the records of all cards, which each night writes last; None if there are none. What is older than
            it, the last night said nothing about, and is no longer so.
        catalogue: the declarations.
    """
    found: dict[str, dict[str, float | None]] = {}
    malformed: dict[str, str] = {}
    for identifier, values in records.items():
        [risk] = [one for one in catalogue.risks if identifier.startswith(one.identifier(""))]
        try:
            if since_ms is not None and cut_of(values) < since_ms:
                continue
            shares = _checked(risk.table, _json_object(values), "DOUBLE")
        except MalformedRecordError as error:
            malformed[identifier] = str(error)
            continue
        value = identifier.removeprefix(risk.identifier(""))
        for name in names(risk.features):
            found.setdefault(name, {})[value] = shares.get(name)
    return Shares(found, malformed)


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
    return CardRecord(cut_of(values), _features(values, catalogue), _habits(_json_object(values), catalogue))


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


def cut_of(values: Mapping[str, str]) -> int:
    """The cut of a record of the group, milliseconds since 1970 in UTC; raises as `card_record` does."""
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
