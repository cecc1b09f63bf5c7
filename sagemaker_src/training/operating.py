"""What a model does where it is used: at its thresholds, with so many cards a day to look at, and taken at its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from sagemaker_src.training.metrics import Labels, Scores

CARDS_A_DAY = 100
"""How many cards are looked at each day, where card precision is told."""
BINS = 10
"""Scores are parted into so many bins of equal width, where they are compared with the share of fraud."""


def at_thresholds(label: Labels, score: Scores, thresholds: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """{threshold: its figures}: of `review`, all that is reviewed or blocked; of `block`, what is blocked.

    Args:
        label: n values, 1 for fraud.
        score: n scores; one on a threshold is over it.
        thresholds: {name: score}; infinite where nothing reaches it.

    Returns:
        For each `threshold` (None where infinite), `flagged`, `precision`, `recall` and `f1`; None where there is nothing to
        compute it from: precision of nothing flagged, recall without fraud, F1 without both.
    """
    told: dict[str, dict[str, float | None]] = {}
    frauds = int((label == 1).sum())
    for name, threshold in thresholds.items():
        flagged = score >= threshold
        count, found = int(flagged.sum()), int((label[flagged] == 1).sum())
        told[name] = {
            "threshold": float(threshold) if np.isfinite(threshold) else None,
            "flagged": count,
            "precision": found / count if count else None,
            "recall": found / frauds if frauds else None,
            "f1": 2 * found / (count + frauds) if count + frauds else None,
        }
    return told


def card_precision(
    rows: pd.DataFrame, score: Scores, known: pd.Series | None = None, cards_a_day: int = CARDS_A_DAY
) -> dict[str, float | None]:
    """The mean over the days of the share of compromised cards among those of the highest scores of each day.

    As the Fraud Detection Handbook defines it: a card's score of a day is its highest, a card is compromised that day if one of
    its rows is fraud, and a card that was found on an earlier day is looked at no more. A day with fewer cards counts the rest
    as not compromised. Days are UTC's; of cards with equal scores, those of the lower token come first.

    Args:
        rows: n rows with `cc_num`, `event_ms` and `is_fraud`.
        score: n scores.
        known: cards that are known to be compromised beforehand, which are left out; None leaves none out.
        cards_a_day: how many cards are looked at.

    Returns:
        `cards_a_day`, `days`, `value`, and `best`, what a perfect order of the cards gives; both None without a row.
    """
    by_day = pd.DataFrame({
        "day": (rows["event_ms"] // MS_PER_DAY).to_numpy(),
        "card": rows["cc_num"].to_numpy(),
        "fraud": (rows["is_fraud"] == 1).to_numpy(),
        "score": np.asarray(score, dtype=float),
    })  # fmt: skip
    if known is not None:
        by_day = by_day[~by_day["card"].isin(known)]
    days = (rows["event_ms"] // MS_PER_DAY).nunique()
    cards = by_day.groupby(["day", "card"], as_index=False)[["score", "fraud"]].max()
    return {
        "cards_a_day": cards_a_day,
        "days": days,
        "value": _found(cards, "score", cards_a_day) / days if days else None,
        "best": _found(cards, "fraud", cards_a_day) / days if days else None,
    }


def _found(cards: pd.DataFrame, by: str, most: int) -> float:
    """The sum over the days of the share of compromised cards among the first `most`."""
    found: set[Any] = set()
    total = 0
    for _, of_day in cards.sort_values(["day", by, "card"], ascending=[True, False, True]).groupby("day"):
        first = of_day[~of_day["card"].isin(found)].head(most)
        compromised = first.loc[first["fraud"], "card"]
        total += len(compromised)
        found |= set(compromised)
    return total / most


def calibration(label: Labels, score: Scores, bins: int = BINS) -> dict[str, Any]:
    """Whether scores are the shares of fraud that they say.

    Args:
        label: n values, 1 for fraud.
        score: n probabilities.
        bins: of equal width from 0 to 1.

    Returns:
        `brier`, the mean squared difference; `log_loss`; `error`, the mean difference between a bin's mean score and its share of
        fraud, each bin counting by its rows; and `table`, of each bin that holds rows: `from`, `to`, `rows`, `score`, `fraud`.
        The figures are None without a row.
    """
    if not len(label):
        return {"brier": None, "log_loss": None, "error": None, "table": []}
    truth, said = (label == 1).astype(float), np.asarray(score, dtype=float)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], said, side="left")
    count = np.bincount(place, minlength=bins)
    mean, share = (_means(place, values, count) for values in (said, truth))
    there = np.flatnonzero(count)
    least = np.finfo(float).eps
    likely = np.clip(np.where(truth == 1, said, 1 - said), least, 1)
    return {
        "brier": float(np.mean((said - truth) ** 2)),
        "log_loss": float(-np.mean(np.log(likely))),
        "error": float(np.abs(mean - share)[there] @ count[there] / len(said)),
        "table": [
            {
                "from": float(edges[each]),
                "to": float(edges[each + 1]),
                "rows": int(count[each]),
                "score": float(mean[each]),
                "fraud": float(share[each]),
            }
            for each in there
        ],
    }


def _means(place: NDArray[np.intp], values: NDArray[np.float64], count: NDArray[np.intp]) -> NDArray[np.float64]:
    sums = np.bincount(place, values, len(count))
    return np.divide(sums, count, out=np.zeros(len(count)), where=count > 0)
