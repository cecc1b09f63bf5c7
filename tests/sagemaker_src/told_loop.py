"""What was said of transactions, and the shares of frauds that follow from it, as a loop that anyone can read finds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fraud.label import Label
from tests.sagemaker_src.test_nightly import DAY_MS

Recorded = tuple[Label, int]
"""A label, and when the archive got it."""
DELAY_DAYS = 7
REACH_MS = 120 * DAY_MS
"""What is said so long after the label delay does not count, nor a label that was known so long before its transaction."""


def verdict(row: Mapping[str, Any], labels: Iterable[Recorded], at_ms: int) -> bool | None:
    """What is known of a transaction at a moment: fraud, honest, or nothing.

    Args:
        row: with `event_ms`, and `settled_ms` from when silence says honest (None: never).
    """
    there = [
        one
        for one, recorded in labels
        if max(recorded, one.known_ms, row["event_ms"]) <= at_ms and one.known_ms >= row["event_ms"] - REACH_MS
    ]
    if there:
        return max(there, key=lambda one: one.order).is_fraud
    return False if row["settled_ms"] is not None and row["settled_ms"] <= at_ms else None


def told(row: Mapping[str, Any], labels: Sequence[Recorded]) -> list[tuple[int, bool]]:
    """Each moment at which what is known of a transaction turns, and into what."""
    moments = {max(recorded, one.known_ms, row["event_ms"]) for one, recorded in labels}
    if row["settled_ms"] is not None:
        moments.add(row["settled_ms"])
    found: list[tuple[int, bool]] = []
    for at_ms in sorted(at for at in moments if at <= row["event_ms"] + DELAY_DAYS * DAY_MS + REACH_MS):
        known = verdict(row, labels, at_ms)
        if known is not None and (not found or found[-1][1] != known):
            found.append((at_ms, known))
    return found


def shares(
    rows: Sequence[Mapping[str, Any]], labels: Sequence[Recorded], key: str, value: Any, cut_ms: int
) -> dict[str, float | None]:
    """{"1d", "7d", "30d": the share of frauds among what was said, in those days before a cut, of rows with a key's value}."""
    of_key = [
        telling
        for row in rows
        if value is not None and row.get(key) == value
        for telling in told(row, [each for each in labels if each[0].transaction_id == row["transaction_id"]])
    ]
    found: dict[str, float | None] = {}
    for days in (1, 7, 30):
        within = [fraud for moment, fraud in of_key if cut_ms - days * DAY_MS <= moment < cut_ms]
        found[f"{days}d"] = sum(within) / len(within) if within else None
    return found
