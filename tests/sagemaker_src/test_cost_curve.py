"""Thresholds of least cost, beside all pairs of thresholds tried one by one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from fraud.decision import Thresholds
from fraud.decision_costs import Decided, DecisionCosts, bill
from fraud.durations import MS_PER_DAY
from sagemaker_src.training.cost_curve import Chosen, cheapest, days_of, reviews_within, sums, told_costs

NEVER = 9.0
"""Above every score."""
COSTS = (
    DecisionCosts(),
    DecisionCosts(cost_missed_share=Decimal("0.3333"), cost_review=Decimal("2.57"), cost_blocked=Decimal("0.01")),
    DecisionCosts(cost_review=Decimal(0), cost_blocked=Decimal(0)),
    DecisionCosts(cost_missed_share=Decimal(0), cost_review=Decimal(1), cost_blocked=Decimal(1)),
)


def decided(rows: tuple[NDArray, ...], review: float, block: float) -> list[Decided]:
    label, score, amount = (values.tolist() for values in rows)
    thresholds = Thresholds(review=min(review, NEVER), block=min(block, NEVER))
    made = zip(label, score, amount, strict=True)
    return [Decided(thresholds.outcome(value), cents, fraud == 1) for fraud, value, cents in made]


def naive(rows: tuple[NDArray, ...], costs: DecisionCosts, most_reviews: int | None) -> Chosen:
    """Every pair of thresholds; each decides all rows."""
    tried = []
    places = [NEVER, *sorted(set(rows[1].tolist()), reverse=True)]
    for block, review in product(places, places):
        if review > block:
            continue
        made = decided(rows, review, block)
        total = bill(made, costs)
        blocked = sum(each.outcome == "block" for each in made)
        if most_reviews is None or total.reviews <= most_reviews:
            tried.append((total.cents, total.reviews, blocked, review, block))
    cents, reviews, _, review, block = min(tried, key=lambda each: (*each[:3], -each[4], -each[3]))
    return Chosen(np.inf if review == NEVER else review, np.inf if block == NEVER else block, cents, reviews)


def hard_rows() -> Iterator[tuple[NDArray, ...]]:
    random = np.random.default_rng(1)

    def rows(label: NDArray, score: NDArray) -> tuple[NDArray, ...]:
        return label, score, random.choice([0, 1, 300, 1_500, 99_999_999], len(label))

    for count in (1, 2, 25):
        drawn = random.random(count)
        for label in (np.zeros(count, int), np.ones(count, int), (random.random(count) < 0.4).astype(int)):
            yield rows(label, drawn)
            yield rows(label, np.round(drawn, 1))  # ties
            yield rows(label, np.full(count, 0.25))
            yield rows(label, np.where(label == 1, 1.0, 0.0))
            yield rows(label, np.where(label == 1, 0.0, 1.0).astype(np.float32))
    yield np.empty(0, int), np.empty(0), np.empty(0, int)


@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("most_reviews", [None, 0, 1, 5])
def test_the_pair_is_the_cheapest_of_all(costs: DecisionCosts, most_reviews: int | None) -> None:
    for rows in hard_rows():
        label, score, amount = rows
        found, expected = (
            cheapest(sums(label, score, amount, costs), costs, most_reviews),
            naive(rows, costs, most_reviews),
        )
        assert (found.cents, found.reviews) == (expected.cents, expected.reviews)
        again = decided(rows, min(found.review, NEVER), min(found.block, NEVER))
        assert bill(again, costs).cents == found.cents
        assert bill(again, costs).reviews == found.reviews


def test_what_is_told_is_what_the_decisions_cost() -> None:
    random = np.random.default_rng(2)
    label, score = (random.random(400) < 0.2).astype(int), random.random(400).round(2)
    amount, event_ms = random.integers(0, 100_000, 400), np.sort(random.integers(0, 10 * MS_PER_DAY, 400))
    costs = DecisionCosts(review_hours_a_day=Decimal("0.5"))
    told = told_costs(label, score, amount, event_ms, {"review": 0.5, "block": 0.9}, costs)
    total = bill(decided((label, score, amount), 0.5, 0.9), costs)
    assert told["at_thresholds"] == {
        "review": 0.5, "block": 0.9, "cents": total.cents, "reviews": total.reviews,
        "missed_cents": total.missed_cents, "blocked_cents": total.blocked_cents,
    }  # fmt: skip
    assert told["most_reviews"] == reviews_within(costs, days_of(event_ms)) == int(6 * days_of(event_ms))
    assert told["least"]["reviews"] <= told["most_reviews"]
    assert told["least"]["cents"] < told["at_thresholds"]["cents"]
    for point in told["curve"]:
        threshold = NEVER if point["threshold"] is None else point["threshold"]
        reviewed, blocked = (decided((label, score, amount), threshold, block) for block in (NEVER, threshold))
        assert point["reviewed_cents"] == bill(reviewed, costs).cents
        assert point["blocked_cents"] == bill(blocked, costs).cents
        assert point["flagged"] == sum(each.outcome == "review" for each in reviewed)
    assert (told["curve"][0]["flagged"], told["curve"][-1]["flagged"]) == (0, 400)


def test_thresholds_that_nothing_reaches_block_and_review_nothing() -> None:
    rows = np.array([0, 1]), np.array([0.1, 0.2]), np.array([100, 200])
    told = told_costs(*rows, np.array([0, 1]), {"review": np.inf, "block": np.inf}, DecisionCosts())
    assert told["at_thresholds"]["cents"] == 200
    assert (told["at_thresholds"]["review"], told["at_thresholds"]["block"]) == (None, None)
