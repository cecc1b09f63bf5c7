"""What decisions cost, beside the same counted the plain way."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest

from fraud.decision import OUTCOMES
from fraud.decision_costs import Bill, Decided, DecisionCosts, DecisionCostsError, bill

ODD = DecisionCosts(
    cost_missed_share=Decimal("0.3333"), cost_review=Decimal("2.57"), cost_blocked=Decimal("0.01"),
    review_hours_a_day=Decimal("7.5"), review_minutes=Decimal("3.5"),
)  # fmt: skip


def naive(decided: list[Decided], costs: DecisionCosts) -> Bill:
    """One figure after the other, each over all decisions, in decimal money."""

    def of_fraud(amount: int) -> int:
        return int((amount * costs.cost_missed_share).quantize(Decimal(1), ROUND_HALF_UP))

    frauds = [each for each in decided if each.fraud]
    missed = [each for each in frauds if each.outcome == "approve"]
    stopped = [each for each in frauds if each.outcome != "approve"]
    reviews = [each for each in decided if each.outcome == "review"]
    blocked = [each for each in decided if each.outcome == "block" and not each.fraud]
    return Bill(
        decisions=len(decided), frauds=len(frauds),
        missed=len(missed), missed_cents=sum(of_fraud(each.amount_cents) for each in missed),
        reviews=len(reviews), review_cents=int(100 * costs.cost_review * len(reviews)),
        blocked=len(blocked), blocked_cents=int(100 * costs.cost_blocked * len(blocked)),
        stopped=len(stopped), stopped_cents=sum(of_fraud(each.amount_cents) for each in stopped),
        review_minutes=int((len(reviews) * costs.review_minutes).quantize(Decimal(1), ROUND_HALF_UP)),
    )  # fmt: skip


def made(count: int, seed: int) -> list[Decided]:
    chance = random.Random(seed)
    amounts = (0, 1, 3, 5_000, 99_999_999, 15_001)
    return [Decided(chance.choice(OUTCOMES), chance.choice(amounts), chance.random() < 0.3) for _ in range(count)]


@pytest.mark.parametrize("costs", [DecisionCosts(), ODD])
@pytest.mark.parametrize("count", [0, 1, 7, 500])
def test_a_bill_is_that_counted_the_plain_way(count: int, costs: DecisionCosts) -> None:
    for seed in range(5):
        decided = made(count, seed)
        assert bill(decided, costs) == naive(decided, costs)


def test_decisions_cost_together_what_each_costs_and_parts_what_the_whole_does() -> None:
    decided = made(500, 1)
    whole = bill(decided, ODD).cents
    assert whole == sum(ODD.cents(outcome, amount, fraud=fraud) for outcome, amount, fraud in decided)
    assert whole == bill(decided[:123], ODD).cents + bill(decided[123:], ODD).cents


def test_half_a_cent_is_rounded_up() -> None:
    half = DecisionCosts(cost_missed_share=Decimal("0.5"))
    assert [half.missed_cents(amount) for amount in (0, 1, 2, 3)] == [0, 1, 1, 2]


def test_the_hours_allow_whole_reviews_and_none_given_allow_all() -> None:
    assert ODD.reviews_a_day == 128
    assert DecisionCosts().reviews_a_day is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cost_review": Decimal(-1)}, "cost_review: -1; allowed: 0 to 1,000,000"),
        ({"cost_missed_share": Decimal("NaN")}, "cost_missed_share: NaN; allowed: 0 to 10"),
        ({"cost_missed_share": Decimal("0.00001")}, "cost_missed_share: 0.00001; allowed: multiples of 0.0001"),
        ({"cost_blocked": Decimal("0.001")}, "cost_blocked: 0.001; allowed: multiples of 0.01"),
        ({"review_minutes": Decimal(0)}, "review_minutes: 0; allowed: 0.1 to 1,440"),
    ],
)
def test_a_cost_outside_its_range_is_named(given: dict[str, Decimal], says: str) -> None:
    with pytest.raises(DecisionCostsError, match=says):
        DecisionCosts(**given)
