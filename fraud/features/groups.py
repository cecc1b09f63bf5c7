"""The feature groups, declared once: their names, their columns, and a record's form in the store.

A record's event time is text, ISO 8601 with milliseconds: the store takes that or seconds as a fraction, and only text is the
same moment to everyone who reads it, to the millisecond. A missing value is left out: the store has no null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Literal

from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.feature import CARD, Feature

ColumnType = Literal["String", "Integral", "Fractional"]
Value = str | int | float | None
"""Of a column; None is missing."""
FeatureValues = list[dict[str, str]]
"""A record as the store's API takes and gives it: [{"FeatureName": ..., "ValueAsString": ...}, ...]."""

EVENT_TIME = "trans_time"
HABITS = "habits"


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
            *_columns((*catalogue.stream_features, *catalogue.cut_features)),
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
