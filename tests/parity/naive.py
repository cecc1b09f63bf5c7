"""The stream features the obvious way: for each transaction, look back over what its card, or its device, did and add up.

Slow, and easy to be sure of. What every engine computes is compared with this, bit for bit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import Any, NamedTuple

MINUTE_MS = 60_000


class NaiveWindow(NamedTuple):
    """A window, written out: `fraud.features.catalogue` declares the same and is not read here.

    Attributes:
        length_ms: how far it looks back.
        features: {name: what is computed}.
        key: the columns that say whose transactions it looks back over.
    """

    length_ms: int
    features: dict[str, str]
    key: tuple[str, ...] = ("cc_num",)


WINDOWS = (
    NaiveWindow(10 * MINUTE_MS, {"num_trans_last_10m": "count", "avg_amt_last_10m": "mean"}),
    NaiveWindow(
        60 * MINUTE_MS, {"num_trans_last_1h": "count", "avg_amt_last_1h": "mean", "mean_age_last_1h": "mean age"}
    ),
    NaiveWindow(
        24 * 60 * MINUTE_MS, {"num_trans_last_1d": "count", "avg_amt_last_1d": "mean", "mean_age_last_1d": "mean age"}
    ),
)


def naive_stream_features(
    rows: list[dict[str, Any]], windows: tuple[NaiveWindow, ...] = WINDOWS
) -> list[dict[str, Any]]:
    """The stream features of each row, in the order of the rows.

    Args:
        rows: each transaction once, in any order: transaction_id, amount_cents, event_ms (since 1970) and the windows' keys,
            which may be None or not there.
        windows: the product's unless others are given.

    Returns:
        For each row its transaction_id and features; None where a feature is missing.

    >>> rows = [{"transaction_id": i, "cc_num": "c", "amount_cents": cents, "event_ms": 0}
    ...     for i, cents in enumerate((5000, 20000))]
    >>> [features["avg_amt_last_10m"] for features in naive_stream_features(rows)]
    [125.0, 125.0]
    """
    found = [{"transaction_id": row["transaction_id"]} for row in rows]
    in_time = sorted(rows, key=lambda row: row["event_ms"])
    for window in windows:
        whose: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in in_time:
            whose[_key(row, window)].append(row)
        times = {key: [row["event_ms"] for row in of_one] for key, of_one in whose.items()}
        for row, features in zip(rows, found, strict=True):
            key = _key(row, window)
            features.update(_features(row, window, whose[key], times[key]))
    return found


def _key(row: dict[str, Any], window: NaiveWindow) -> tuple[Any, ...]:
    return tuple(row.get(column) for column in window.key)


def _features(
    row: dict[str, Any], window: NaiveWindow, of_one: list[dict[str, Any]], times: list[int]
) -> dict[str, float | None]:
    if None in _key(row, window):
        return dict.fromkeys(window.features)
    now = row["event_ms"]
    # Both ends belong to the window, and so do all rows of this very millisecond.
    seen = of_one[bisect_left(times, now - window.length_ms) : bisect_right(times, now)]
    return {name: _value(what, now, seen) for name, what in window.features.items()}


def _value(what: str, now: int, seen: list[dict[str, Any]]) -> float | None:
    count, cents = len(seen), [each["amount_cents"] for each in seen]
    match what:
        case "count":
            return count
        case "mean":
            return float(sum(cents)) / float(count) / 100
        case "sum":
            return float(sum(cents)) / 100
        case "max":
            return float(max(cents)) / 100
        case "mean age":
            ages_ms = sum(now - each["event_ms"] for each in seen)
            return float(ages_ms) / float(count - 1) / 1000 if count > 1 else None
    raise ValueError(what)
