"""What thresholds cost, and the pair of them that costs least within the reviewers' hours.

Rows in falling order of their scores fall into three parts: the first are blocked, the next reviewed, the rest approved; rows of
one score go together. Each part's cost is a difference of running sums, so the best begin of the reviewed part is, for each end,
the least value in a window that only moves on: one pass over the scores, in whole cents, no score left out.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud.decision_costs import SHARES, DecisionCosts
from fraud.durations import MS_PER_DAY
from sagemaker_src.training.metrics import Labels, Scores

POINTS = 40
"""Of the curve that is told, at most."""


class Sums(NamedTuple):
    """Running sums over the rows in falling order of the scores, at the begin and after each score there is: k + 1 values each.

    Attributes:
        threshold: the score from which on rows are counted; infinite at the begin.
        rows: how many there are.
        frauds: of them, fraud.
        missed: what the frauds not among them cost if they are approved, cents.
        blocked: what their honest rows cost if they are blocked, cents.
    """

    threshold: NDArray[np.float64]
    rows: NDArray[np.int64]
    frauds: NDArray[np.int64]
    missed: NDArray[np.int64]
    blocked: NDArray[np.int64]


class Chosen(NamedTuple):
    """A pair of thresholds and what it comes to."""

    review: float
    block: float
    cents: int
    reviews: int


def sums(label: Labels, score: Scores, amount_cents: ArrayLike, costs: DecisionCosts) -> Sums:
    """The running sums of n rows."""
    order = np.argsort(-np.asarray(score), kind="stable")
    ordered, fraud = np.asarray(score)[order].astype(float), (label == 1)[order].astype(np.int64)
    amount = np.asarray(amount_cents, dtype=np.int64)[order]
    missed = (amount * costs.missed_parts + SHARES // 2) // SHARES * fraud
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.empty(0, np.intp)
    frauds = np.cumsum(fraud)[ends]
    return Sums(
        np.append(np.inf, ordered[ends]),
        np.append(0, ends + 1),
        np.append(0, frauds),
        int(missed.sum()) - np.append(0, np.cumsum(missed)[ends]),
        np.append(0, (ends + 1 - frauds) * costs.blocked_cents),
    )


def cheapest(of: Sums, costs: DecisionCosts, most_reviews: int | None) -> Chosen:
    """The thresholds that cost least; of several such, those of the fewest reviews, then of the fewest blocked rows.

    Args:
        of: the running sums of the rows.
        costs: what decisions cost.
        most_reviews: how many reviews there may be; None without a limit.
    """
    rows, review_cents = of.rows.tolist(), costs.review_cents
    begins = (of.blocked - review_cents * of.rows).tolist()
    ends = (of.missed + review_cents * of.rows).tolist()
    window: deque[int] = deque()  # begins, their values rising
    best, pair = (begins[0] + ends[0], 0, 0), (0, 0)
    for end, value in enumerate(begins):
        while window and begins[window[-1]] >= value:
            window.pop()
        window.append(end)
        while most_reviews is not None and rows[end] - rows[window[0]] > most_reviews:
            window.popleft()
        begin = window[0]
        found = (begins[begin] + ends[end], rows[end] - rows[begin], rows[begin])
        if found < best:
            best, pair = found, (begin, end)
    begin, end = pair
    return Chosen(float(of.threshold[end]), float(of.threshold[begin]), best[0], best[1])


def reviews_within(costs: DecisionCosts, days: float) -> int | None:
    """How many reviews the reviewers' hours allow in so many days; None without a limit."""
    return None if costs.reviews_a_day is None else int(costs.reviews_a_day * days)


def days_of(event_ms: NDArray[np.int64]) -> float:
    """How many days rows last, at least one."""
    return max(1.0, float(event_ms.max() - event_ms.min()) / MS_PER_DAY) if len(event_ms) else 1.0


def told_costs(
    label: Labels,
    score: Scores,
    amount_cents: ArrayLike,
    event_ms: NDArray[np.int64],
    thresholds: dict[str, float],
    costs: DecisionCosts,
) -> dict[str, Any]:
    """What a model's decisions cost on rows, ready for JSON.

    Returns:
        `settings`, `days`, `most_reviews` (None without a limit); `at_thresholds`, what the model's own thresholds come to, and
        `least`, those that cost least on these very rows, each {review, block, cents, reviews, missed_cents, blocked_cents};
        `curve`, up to POINTS thresholds, {threshold, flagged, reviewed_cents, blocked_cents}: the cost if all from one on are
        reviewed, and if they are blocked. Thresholds that nothing reaches are None.
    """
    of, days = sums(label, score, amount_cents, costs), days_of(event_ms)
    most = reviews_within(costs, days)
    places = np.unique(np.round(np.geomspace(1, len(of.rows), POINTS)).astype(int) - 1)
    return {
        "settings": {name: str(value) for name, value in vars(costs).items()},
        "days": days,
        "most_reviews": most,
        "at_thresholds": _told(of, costs, thresholds["review"], thresholds["block"]),
        "least": _told(of, costs, *cheapest(of, costs, most)[:2]),
        "curve": [
            {
                "threshold": _finite(of.threshold[place]),
                "flagged": int(of.rows[place]),
                "reviewed_cents": int(of.missed[place] + costs.review_cents * of.rows[place]),
                "blocked_cents": int(of.missed[place] + of.blocked[place]),
            }
            for place in places
        ],
    }


def _told(of: Sums, costs: DecisionCosts, review: float, block: float) -> dict[str, Any]:
    begin, end = (int(np.searchsorted(-of.threshold, -threshold, side="right")) - 1 for threshold in (block, review))
    reviews = int(of.rows[end] - of.rows[begin])
    missed, blocked = int(of.missed[end]), int(of.blocked[begin])
    return {
        "review": _finite(review),
        "block": _finite(block),
        "cents": missed + blocked + reviews * costs.review_cents,
        "reviews": reviews,
        "missed_cents": missed,
        "blocked_cents": blocked,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
