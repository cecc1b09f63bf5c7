"""A day that was decided as a live stream, and what is to be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from local.attacks import Attack

OUTCOMES = ("approve", "review", "block")


@dataclass(frozen=True)
class StreamRun:
    """What a replay did.

    Attributes:
        transactions: how many different ones were sent.
        duplicates_sent: how many were delivered again.
        sent_ms: {transaction_id: wall clock when it was handed to Kafka}.
        features: what the stream job wrote, a mapping each; a restart may have written some twice, with the same values.
        rate: transactions a second.
        quarantined: how many messages were refused.
        finished: whether every transaction was decided before the time ran out.
        seconds: from the first record to the last decision.
    """

    transactions: int
    duplicates_sent: int
    sent_ms: dict[str, float]
    features: list[dict[str, Any]]
    rate: float
    quarantined: int
    finished: bool
    seconds: float


@dataclass(frozen=True)
class DecidedDay:
    """What became of a day.

    Attributes:
        run: what was sent, and what the stream job made of it.
        decided: every decision, a row of the store each.
        labels: {transaction_id: 0 or 1} of the transactions sent.
        compared, different: streamed feature records held against batch, and those that are not bit-equal.
        attacks: the transactions that were staged.
    """

    run: StreamRun
    decided: list[dict[str, Any]]
    labels: dict[str, int]
    compared: int
    different: int
    attacks: list[Attack]


def summary(day: DecidedDay) -> dict[str, Any]:
    """The figures of a day, as summary.json holds them."""
    per_transaction = Counter(row["transaction_id"] for row in day.decided)
    outcome = {row["transaction_id"]: row["outcome"] for row in day.decided}
    return {
        "transactions": day.run.transactions,
        "duplicates_sent": day.run.duplicates_sent,
        "decisions": len(day.decided),
        "undecided": sum(identity not in per_transaction for identity in day.labels),
        "quarantined": day.run.quarantined,
        "decided_twice": sum(times > 1 for times in per_transaction.values()),
        "by_outcome": {name: sum(row["outcome"] == name for row in day.decided) for name in OUTCOMES},
        "by_path": {name: sum(row["path"] == name for row in day.decided) for name in ("model", "fallback")},
        "features_compared": day.compared,
        "features_different": day.different,
        "transactions_a_second": day.run.rate,
        "latency_ms": latency_ms(day.run, day.decided),
        "attacks": [
            {
                "pattern": one.pattern,
                "fraud": one.fraud,
                "outcomes": [outcome.get(identity, "undecided") for identity in one.transaction_ids],
            }
            for one in day.attacks
        ],
    }


def average_precision(day: DecidedDay) -> float | None:
    """Of the model's scores of the day; None without a fraud among them."""
    rows = [row for row in day.decided if row["path"] == "model"]
    label = [day.labels[row["transaction_id"]] for row in rows]
    return float(average_precision_score(label, [row["score"] for row in rows])) if any(label) else None


def latency_ms(run: StreamRun, decided: Sequence[dict[str, Any]]) -> dict[str, float]:
    """From Kafka in to decision recorded, wall clock, of those that the model decided."""
    waited = [row["decided_at"] - run.sent_ms[row["transaction_id"]] for row in decided if row["path"] == "model"]
    if not waited:
        return {"p50": float("nan"), "p99": float("nan")}
    return {f"p{percent}": round(float(np.percentile(waited, percent)), 1) for percent in (50, 99)}
