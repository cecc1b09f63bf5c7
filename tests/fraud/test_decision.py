"""fraud.decision: outcomes, the fallback rule and its settings."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf

import pytest
from pydantic import ValidationError

from fraud.decision import Decision, FallbackRule, Reason, Thresholds
from fraud.transaction import InvalidTransactionError


@pytest.mark.parametrize(
    ("score", "outcome"), [(0.0, "approve"), (0.39, "approve"), (0.4, "review"), (0.9, "block"), (1.0, "block")]
)
def test_a_score_on_a_threshold_is_over_it(score, outcome):
    assert Thresholds(review=0.4, block=0.9).outcome(score) == outcome


def test_a_threshold_may_be_out_of_reach():
    assert Thresholds(review=0.4, block=inf).outcome(1.0) == "review"


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match=r"block .0\.2. is below review .0\.5.; allowed: review <= block"):
        Thresholds(review=0.5, block=0.2)


@pytest.mark.parametrize(
    ("amount_cents", "recent", "outcome", "features"),
    [
        (49_999, None, "approve", []),
        (49_999, 3, "approve", []),
        (50_000, None, "review", ["amount"]),
        (100, 4, "review", ["num_trans_last_10m"]),
        (60_000, 9, "review", ["amount", "num_trans_last_10m"]),
        (500_000, 1, "block", ["amount"]),
    ],
)
def test_the_fallback_rule(amount_cents, recent, outcome, features):
    decided, reasons = FallbackRule().decide(amount_cents=amount_cents, num_trans_last_10m=recent)
    assert decided == outcome
    assert [reason.feature for reason in reasons] == features


def test_a_limit_can_be_switched_off():
    rule = FallbackRule(review_from_amount=None, block_from_amount=None, review_from_num_trans_last_10m=None)
    assert rule.decide(amount_cents=99_999_999, num_trans_last_10m=99) == ("approve", ())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"review_from_amount": "12.345"}, "2 decimal places"),
        ({"review_from_amount": -1}, "greater than or equal to 0"),
        ({"review_from_num_trans_last_10m": 0}, "greater than or equal to 1"),
        ({"approve_from": 1}, "Extra inputs are not permitted"),
        ({"block_from_amount": "1.00"}, "block_from_amount .1.00. is below review_from_amount .500.00."),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(wrong, says):
    with pytest.raises(ValidationError, match=says):
        FallbackRule(**wrong)


def test_a_reason_reads_as_a_sentence():
    assert Reason("amt_ratio2", 0.25, -1.0).text == "the amount against the week before (0.25 times) lowers the score"
    assert Reason("mean_age_last_1d", None, 0.5).text.endswith("other transactions were (missing) raises the score")
    assert Reason("category", "travel", 0.5).text == "the merchant's category (travel) raises the score"
    assert Reason("amount", 612.5, None).text == "the amount (612.50) decides"


def test_a_fallback_decision_survives_json():
    decision = Decision(
        transaction_id="t1",
        cc_num="0" * 32,
        amount_cents=61_250,
        trans_time=5,
        decided_at=9,
        outcome="review",
        path="fallback",
        reasons=(Reason("amount", 612.5, None),),
        features={"amount": 612.5, "mean_age_last_1h": None},
        why="the model cannot be reached",
    )
    assert Decision.from_json(decision.to_json()) == decision
    of_control_group = replace(decision, outcome="approve", control_group=True)
    assert Decision.from_json(of_control_group.to_json()) == of_control_group
    assert (decision.would_be, of_control_group.would_be) == ("review", "block")


def test_a_decision_of_a_release_without_a_control_group_is_of_none():
    row = {"transaction_id": "t1", "cc_num": "0" * 32, "amount_cents": 5, "trans_time": 5, "decided_at": 9}
    row |= {"outcome": "approve", "path": "model", "score": 0.1, "features": {}}
    assert Decision.from_json(json.dumps(row)).control_group is False
    with pytest.raises(InvalidTransactionError, match=r"control_group: 'yes'; allowed: true or false"):
        Decision.from_json(json.dumps(row | {"control_group": "yes"}))
