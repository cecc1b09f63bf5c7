"""The nightly features as a loop that anyone can follow: for each transaction, look at what the cut before it knew."""

from __future__ import annotations

from typing import Any, NamedTuple

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class NaiveHabit(NamedTuple):
    """A habit, written out: `fraud.features.catalogue` declares the same and is not read here.

    Attributes:
        days: how far it looks back from the cut; None for all.
        features: {name: what is computed}.
        key: the columns that say whose transactions it is about; `hour` is that of the day.
    """

    days: int | None
    features: dict[str, str]
    key: tuple[str, ...] = ("cc_num",)


HABITS = (
    NaiveHabit(7, {"num_trans_last_1w": "count", "avg_amt_last_1w": "mean"}),
    NaiveHabit(30, {"num_trans_last_30d": "count", "avg_amt_last_30d": "mean", "max_amt_last_30d": "max"}),
    NaiveHabit(None, {"num_trans_all": "count", "avg_amt_all": "mean"}),
    NaiveHabit(None, {"num_trans_category_all": "count", "avg_amt_category_all": "mean"}, ("cc_num", "category")),
    NaiveHabit(None, {"num_trans_hour_all": "count"}, ("cc_num", "hour")),
    NaiveHabit(30, {"avg_amt_population_30d": "mean"}, ("category",)),
)


def naive_nightly_features(rows: list[dict[str, Any]], habits: tuple[NaiveHabit, ...] = HABITS) -> list[dict[str, Any]]:
    """The nightly features of each row, in the rows' order.

    Args:
        rows: each with cc_num, amount_cents, event_ms and the habits' keys, which may be None or not there.
        habits: the product's unless others are given.
    """
    return [{name: value for habit in habits for name, value in _of_one(row, rows, habit).items()} for row in rows]


def _of_one(row: dict[str, Any], rows: list[dict[str, Any]], habit: NaiveHabit) -> dict[str, Any]:
    if None in _key(row, habit):
        return dict.fromkeys(habit.features)
    cut = row["event_ms"] // DAY_MS * DAY_MS
    start = -cut if habit.days is None else cut - habit.days * DAY_MS
    seen = [other for other in rows if start <= other["event_ms"] < cut and _key(other, habit) == _key(row, habit)]
    return {name: _value(what, [other["amount_cents"] for other in seen]) for name, what in habit.features.items()}


def _key(row: dict[str, Any], habit: NaiveHabit) -> tuple[Any, ...]:
    return tuple(row["event_ms"] // HOUR_MS % 24 if column == "hour" else row.get(column) for column in habit.key)


def _value(what: str, cents: list[int]) -> float | None:
    if what == "count":
        return len(cents)
    if not cents:
        return None
    return {"mean": sum(cents) / len(cents) / 100, "sum": sum(cents) / 100, "max": max(cents) / 100}[what]


REACH_MS = 120 * DAY_MS
"""What is said so long after the label delay does not count for risk."""


def naive_risk_features(rows: list[dict[str, Any]], key: str, delay_ms: int) -> list[dict[str, float | None]]:
    """The share of frauds among what became known of a key's transactions in the 1, 7 and 30 days before each row's cut.

    Args:
        rows: each with event_ms, is_fraud (None: nobody will know), and maybe known_ms and the key.
        key: the column.
        delay_ms: a label of which nothing says when it was known is known so long after its transaction.

    Returns:
        {"1d", "7d", "30d": share}, a row each; None where nothing became known, and of a row without the key.
    """
    return [_risk_of_one(row, rows, key, delay_ms) for row in rows]


def _risk_of_one(row: dict[str, Any], rows: list[dict[str, Any]], key: str, delay_ms: int) -> dict[str, float | None]:
    cut = row["event_ms"] // DAY_MS * DAY_MS
    found: dict[str, float | None] = {}
    for days in (1, 7, 30):
        told = []
        for other in rows:
            if row.get(key) is not None and other.get(key) == row[key] and other["is_fraud"] is not None:
                told += [fraud for moment, fraud in _told(other, delay_ms) if cut - days * DAY_MS <= moment < cut]
        found[f"{days}d"] = sum(told) / len(told) if told else None
    return found


def _told(row: dict[str, Any], delay_ms: int) -> list[tuple[int, int]]:
    """What was said of a transaction, and when: (moment, fraud)."""
    settled = row["event_ms"] + delay_ms
    known = settled if row.get("known_ms") is None else max(row["known_ms"], row["event_ms"])
    if known <= settled:
        return [(known, row["is_fraud"])]
    # nobody disputed it in time; that it was a fraud came out later, or too late to count
    return [(settled, 0), (known, 1)] if row["is_fraud"] and known <= settled + REACH_MS else [(settled, 0)]
