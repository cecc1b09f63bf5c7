"""The stream features the obvious way: for each transaction, look back over its card's transactions and add up.

Slow, and easy to be sure of. What every engine computes is compared with this, bit for bit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict

MINUTE_MS = 60_000
WINDOWS_MS = {"10m": 10 * MINUTE_MS, "1h": 60 * MINUTE_MS, "1d": 24 * 60 * MINUTE_MS}
WITH_MEAN_AGE = ("1h", "1d")


def naive_stream_features(rows: list[dict]) -> list[dict]:
    """The stream features of each row, in the order of the rows.

    Args:
        rows: each transaction once, in any order: transaction_id, cc_num, amount_cents, event_ms (since 1970).

    Returns:
        For each row its transaction_id and features; None where a feature is missing.

    >>> rows = [{"transaction_id": i, "cc_num": "c", "amount_cents": cents, "event_ms": 0}
    ...     for i, cents in enumerate((5000, 20000))]
    >>> [features["avg_amt_last_10m"] for features in naive_stream_features(rows)]
    [125.0, 125.0]
    """
    cards = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["event_ms"]):
        cards[row["cc_num"]].append(row)
    times = {card: [row["event_ms"] for row in card_rows] for card, card_rows in cards.items()}
    return [_features(row, cards[row["cc_num"]], times[row["cc_num"]]) for row in rows]


def _features(row: dict, card_rows: list[dict], times: list[int]) -> dict:
    now = row["event_ms"]
    features = {"transaction_id": row["transaction_id"]}
    for name, length_ms in WINDOWS_MS.items():
        # Both ends belong to the window, and so do all rows of this very millisecond.
        window = card_rows[bisect_left(times, now - length_ms) : bisect_right(times, now)]
        count = len(window)
        features[f"num_trans_last_{name}"] = count
        features[f"avg_amt_last_{name}"] = float(sum(each["amount_cents"] for each in window)) / float(count) / 100
        if name in WITH_MEAN_AGE:
            ages_ms = sum(now - each["event_ms"] for each in window)
            features[f"mean_age_last_{name}"] = float(ages_ms) / float(count - 1) / 1000 if count > 1 else None
    return features
