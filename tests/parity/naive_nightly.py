"""The nightly features as a loop that anyone can follow: for each transaction, look at what the cut before it knew."""

from __future__ import annotations

from typing import Any

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def naive_nightly_features(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nightly features of each row, in the rows' order.

    Args:
        rows: each with cc_num, category, amount_cents, event_ms.
    """
    return [_of_one(row, rows) for row in rows]


def _of_one(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    cut = row["event_ms"] // DAY_MS * DAY_MS
    before = [other for other in rows if other["event_ms"] < cut]
    card = [other for other in before if other["cc_num"] == row["cc_num"]]
    week = [other for other in card if other["event_ms"] >= cut - 7 * DAY_MS]
    month = [other for other in card if other["event_ms"] >= cut - 30 * DAY_MS]
    in_category = [other for other in card if other["category"] == row["category"]]
    at_hour = [other for other in card if other["event_ms"] // HOUR_MS % 24 == row["event_ms"] // HOUR_MS % 24]
    population = [
        other for other in before if other["category"] == row["category"] and other["event_ms"] >= cut - 30 * DAY_MS
    ]
    return {
        "num_trans_last_1w": len(week),
        "avg_amt_last_1w": _average(week),
        "num_trans_last_30d": len(month),
        "avg_amt_last_30d": _average(month),
        "max_amt_last_30d": max(other["amount_cents"] for other in month) / 100 if month else None,
        "num_trans_all": len(card),
        "avg_amt_all": _average(card),
        "num_trans_category_all": len(in_category),
        "avg_amt_category_all": _average(in_category),
        "num_trans_hour_all": len(at_hour),
        "avg_amt_population_30d": _average(population),
    }


def _average(rows: list[dict[str, Any]]) -> float | None:
    return sum(row["amount_cents"] for row in rows) / len(rows) / 100 if rows else None
