"""fraud.deciding with stand-ins for its ports."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fraud.control_group import drawn
from fraud.deciding import Deciding, decide_without_features
from fraud.decision import FallbackRule, Reason, Thresholds
from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInput
from fraud.payment import Payment
from fraud.ports import Nightly, NightlyUnavailableError, ScorerUnavailableError, Scores
from fraud.transaction import parse_transaction
from fraud.vector import FEATURE_NAMES, declared_input, model_vector
from samples.deciding_world import (
    MOMENT,
    POPULATION,
    card_record,
    feature_fields,
    feature_message,
    transaction_message,
)


class StandInNightly:
    def __init__(self, cut_ms=MOMENT - 1, unknown=(), failing=False, malformed=False):
        self.cut_ms, self.unknown, self.failing, self.malformed, self.reads = cut_ms, unknown, failing, malformed, []

    def read(self, cards, entities):
        self.reads.append(set(cards))
        if self.failing:
            raise NightlyUnavailableError("the nightly store is down")
        if self.malformed:
            return Nightly({}, POPULATION, dict.fromkeys(cards, "habits: a JSON list"))
        return Nightly({card: card_record(self.cut_ms) for card in cards if card not in self.unknown}, POPULATION)


class StandInScorer:
    """Scores the amount: 100.00 and more is 1."""

    def __init__(self, failing=False, **changes):
        self.failing, self.changes, self.asked, self.given = failing, changes, [], []

    def score(self, vectors, given, reasons):
        self.asked.append(vectors)
        self.given.append(given)
        if self.failing:
            raise ScorerUnavailableError("the model did not answer within 1 s")
        answer = Scores(
            scores=np.minimum(vectors[:, 0] / 100, 1).tolist(),
            reasons=[[("amount", 1.0), ("mean_age_last_1d", 0.5), ("category", -0.25)][:reasons]] * len(vectors),
            model_version="stand-in",
            thresholds=Thresholds(review=0.5, block=0.9),
        )
        return answer._replace(**self.changes)


class StandInStore:
    def __init__(self):
        self.kept, self.calls = {}, 0

    def record(self, decisions):
        self.calls += 1
        return [self.kept.setdefault(decision.transaction_id, decision) for decision in decisions]

    def decided(self, transaction_ids):
        return {key: Payment.of(self.kept[key]) for key in transaction_ids if key in self.kept}


def deciding(**ports):
    given = {"nightly": StandInNightly(), "scorer": StandInScorer(), "store": StandInStore()} | ports
    return Deciding(**given, clock=lambda: MOMENT + 50)


def test_a_batch_is_one_read_one_scoring_and_one_record():
    use_case = deciding()
    batch = use_case.decide_batch([feature_message(number, amount_cents=1_000 * number + 50) for number in range(10)])
    assert (len(use_case.nightly.reads), len(use_case.scorer.asked), use_case.store.calls) == (1, 1, 1)
    outcomes = [decision.outcome for decision in batch.decisions]
    assert outcomes == ["approve"] * 5 + ["review"] * 4 + ["block"]
    assert batch.rejected == []


def test_a_decision_says_what_it_was_made_on():
    decision = deciding().decide_batch([feature_message(3)]).decisions[0]
    assert (decision.path, decision.model_version, decision.why) == ("model", "stand-in", None)
    assert (decision.decided_at, decision.trans_time, decision.nightly_cut) == (MOMENT + 50, MOMENT + 3, MOMENT - 1)
    named = [(reason.feature, reason.value) for reason in decision.reasons]
    assert named == [("amount", pytest.approx(10.21)), ("mean_age_last_1d", None), ("category", "category d")]
    assert decision.features["avg_amt_last_1w"] == 48.27
    assert decision.features["mean_age_last_1d"] is None


def test_the_recorded_features_make_the_scored_vector():
    use_case = deciding()
    decision = use_case.decide_batch([feature_message(3)]).decisions[0]
    columns = {name: [np.nan if value is None else value] for name, value in decision.features.items()}
    columns |= {"amount_cents": [decision.amount_cents], "event_ms": [decision.trans_time]}
    again = model_vector(columns, use_case.scorer.given[0])
    np.testing.assert_array_equal(again, use_case.scorer.asked[0])


def test_a_card_that_the_nightly_store_does_not_know_has_no_history():
    nightly = StandInNightly(unknown={feature_fields(0)["cc_num"]})
    unknown, known = deciding(nightly=nightly).decide_batch([feature_message(0), feature_message(1)]).decisions
    assert (unknown.features["num_trans_all"], unknown.features["avg_amt_all"], unknown.nightly_cut) == (0, None, None)
    assert (known.features["num_trans_all"], known.features["avg_amt_all"]) == (25, 48.27)
    assert unknown.path == "model"


def test_a_redelivered_transaction_keeps_its_decision():
    use_case = deciding()
    first = use_case.decide_batch([feature_message(1, amount_cents=100)]).decisions
    again = use_case.decide_batch([feature_message(1, amount_cents=9_900), feature_message(2)])
    assert again.decisions[0] is first[0]
    assert [decision.transaction_id for decision in again.new] == ["t2"]
    assert len(use_case.store.kept) == 2


def test_a_transaction_twice_in_a_batch_is_decided_once():
    use_case = deciding()
    batch = use_case.decide_batch([feature_message(1), feature_message(1), feature_message(2)])
    assert [decision.transaction_id for decision in batch.decisions] == ["t1", "t2"]
    assert len(use_case.scorer.asked[0]) == 2


@pytest.mark.parametrize(
    ("poison", "field"),
    [
        (b"\xff\xfe", "message"),
        (b"[1]", "message"),
        (b"[" * 10_000, "message"),
        (b" " * 20_000, "message"),
        (feature_message(1, cc_num="4111111111111111"), "cc_num"),
        (feature_message(1, transaction_id=None), "transaction_id"),
        (feature_message(1, transaction_id="a b"), "transaction_id"),
        (feature_message(1, amount_cents=10.0), "amount_cents"),
        (feature_message(1, amount_cents=True), "amount_cents"),
        (feature_message(1, amount_cents=-1), "amount_cents"),
        (feature_message(1, trans_time="2026-01-01"), "trans_time"),
        (feature_message(1, trans_time=10**15), "trans_time"),
        (feature_message(1, category=" "), "category"),
        (feature_message(1, num_trans_last_10m="3"), "num_trans_last_10m"),
        (feature_message(1, avg_amt_last_1d=float("nan")), "avg_amt_last_1d"),
        (feature_message(1, avg_amt_last_1d=10**400), "avg_amt_last_1d"),
    ],
)
def test_a_poison_record_is_refused_and_the_good_go_on(poison, field):
    batch = deciding().decide_batch([feature_message(2), poison, feature_message(3)])
    assert [decision.transaction_id for decision in batch.decisions] == ["t2", "t3"]
    assert [(rejected.position, rejected.error.field) for rejected in batch.rejected] == [(1, field)]
    assert "4111111111111111" not in str(batch.rejected[0].error)
    assert "; allowed: " in str(batch.rejected[0].error)


def test_a_feature_that_the_stream_job_does_not_compute_yet_is_missing_and_one_that_is_not_known_is_skipped():
    fields = {name: value for name, value in feature_fields(1).items() if name != "mean_age_last_1h"}
    use_case = deciding()
    [decision] = use_case.decide_batch([json.dumps(fields | {"num_trans_last_5m": "1"}).encode()]).decisions
    assert (decision.path, decision.features["mean_age_last_1h"], decision.features["avg_amt_last_1h"]) == (
        "model",
        None,
        20.03,
    )
    assert np.isnan(use_case.scorer.asked[0][0, FEATURE_NAMES.index("mean_age_last_1h")])
    assert "num_trans_last_5m" not in decision.features


def test_a_batch_of_poison_asks_no_one():
    use_case = deciding()
    batch = use_case.decide_batch([b"{}", b""])
    assert batch.decisions == []
    assert len(batch.rejected) == 2
    assert (use_case.nightly.reads, use_case.scorer.asked, use_case.store.calls) == ([], [], 0)


@pytest.mark.parametrize(
    ("ports", "why"),
    [
        ({"scorer": StandInScorer(failing=True)}, "the model did not answer within 1 s"),
        ({"nightly": StandInNightly(failing=True)}, "the nightly store is down"),
        ({"nightly": StandInNightly(malformed=True)}, "a nightly record is malformed: habits: a JSON list"),
        ({"scorer": StandInScorer(scores=[0.5])}, "1 scores and 2 reasons to 2 transactions"),
        ({"scorer": StandInScorer(reasons=[[]])}, "2 scores and 1 reasons to 2 transactions"),
        ({"scorer": StandInScorer(scores=[0.5, float("nan")])}, "a score of nan; allowed: a probability"),
        ({"scorer": StandInScorer(scores=[0.5, 1.5])}, "a score of 1.5; allowed: a probability"),
        ({"scorer": StandInScorer(scores=[0.5, "high"])}, "a score of 'high'; allowed: a probability"),
        ({"scorer": StandInScorer(reasons=[[("shoe_size", 1.0)], []])}, "reasons that are no features: shoe_size"),
    ],
)
def test_when_the_model_or_the_nightly_store_fails_the_rule_decides_and_says_so(ports, why):
    use_case = deciding(**ports)
    cheap, dear = use_case.decide_batch([feature_message(1), feature_message(2, amount_cents=60_000)]).decisions
    assert (cheap.outcome, dear.outcome) == ("approve", "review")
    assert {cheap.path, dear.path} == {"fallback"}
    assert (dear.score, dear.model_version) == (None, None)
    assert why in dear.why
    assert dear.features["num_trans_last_10m"] == 1
    assert use_case.store.kept.keys() == {"t1", "t2"}


def test_nightly_features_that_are_too_old_are_used_with_a_warning():
    stale, fresh = StandInNightly(cut_ms=MOMENT - 3 * MS_PER_DAY), StandInNightly(cut_ms=MOMENT - MS_PER_DAY)
    decision = deciding(nightly=stale).decide_batch([feature_message(0)]).decisions[0]
    assert (decision.path, decision.warning) == ("model", "nightly features are 3.0 days old")
    assert deciding(nightly=fresh).decide_batch([feature_message(0)]).decisions[0].warning is None


def test_a_model_is_given_all_features_and_the_categories_of_the_batch():
    use_case = deciding()
    use_case.decide_batch([feature_message(number, category=name) for number, name in enumerate(("b", "a", "b"))])
    (given,), (vectors,) = use_case.scorer.given, use_case.scorer.asked
    assert given == ModelInput(FEATURE_NAMES, declared_input({"category": ["a", "b"]}).categories)
    assert vectors[:, FEATURE_NAMES.index("category")].tolist() == [1, 0, 1]


@pytest.mark.parametrize("old", [False, True])
def test_a_model_that_takes_what_is_not_computed_here_decides_with_a_warning(old):
    nightly = StandInNightly(cut_ms=MOMENT - (3 if old else 1) * MS_PER_DAY)
    scorer = StandInScorer(missing=("shoe_size",), reasons=[[("shoe_size", 1.5), ("amount", 0.5)]])
    decision = deciding(scorer=scorer, nightly=nightly).decide_batch([feature_message(0)]).decisions[0]
    said = "the model takes features that are not computed here: shoe_size"
    assert decision.warning == ("nightly features are 3.0 days old; " if old else "") + said
    assert decision.path == "model"
    assert decision.reasons[0] == Reason("shoe_size", None, 1.5)


def test_a_warning_names_few_of_many_missing_features():
    scorer = StandInScorer(missing=tuple(f"feature_{number}" for number in range(7)))
    warning = deciding(scorer=scorer).decide_batch([feature_message(0)]).decisions[0].warning
    assert warning.endswith("here: feature_0, feature_1, feature_2, feature_3, feature_4 and 2 more")
    long = StandInScorer(missing=tuple(f"{number}" * 200 for number in range(7)))
    assert len(deciding(scorer=long).decide_batch([feature_message(0)]).decisions[0].warning) == 300


def test_a_store_that_fails_is_told_to_the_caller():
    class Failing(StandInStore):
        def record(self, decisions):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        deciding(store=Failing()).decide_batch([feature_message(0)])


def test_without_features_the_rule_decides_but_never_a_second_time():
    store = StandInStore()
    first = deciding(store=store).decide_batch([feature_message(1)]).decisions[0]
    waiting = [
        (parse_transaction(transaction_message(1)), MOMENT),
        (parse_transaction(transaction_message(2, amount="700.00")), MOMENT + 7),
    ]
    standing = decide_without_features(waiting, "no features", store=store, fallback=FallbackRule(), clock=lambda: 99)
    assert standing[0] is first
    assert (standing[1].path, standing[1].outcome, standing[1].why) == ("fallback", "review", "no features")
    assert (standing[1].trans_time, standing[1].decided_at) == (MOMENT + 7, 99)
    assert standing[1].features == {"amount": 700.0, "category": "category c"}


def test_of_what_the_model_would_block_the_control_group_is_approved():
    batch = [feature_message(number, amount_cents=100 * number) for number in range(100)]
    usual = deciding().decide_batch(batch).decisions
    made = Deciding(
        nightly=StandInNightly(), scorer=StandInScorer(), store=StandInStore(), control_group_percent=40,
        clock=lambda: MOMENT + 50,
    ).decide_batch(batch).decisions  # fmt: skip
    let_through = [one for one in made if one.control_group]
    assert 0 < len(let_through) < sum(one.outcome == "block" for one in usual)
    assert {one.transaction_id for one in let_through} == {
        one.transaction_id for one in usual if one.outcome == "block" and drawn(one.transaction_id, one.cc_num, 40)
    }
    assert [one.would_be for one in made] == [one.outcome for one in usual]
    # nothing else of any decision is another one
    assert [replace(one, outcome=one.would_be, control_group=False) for one in made] == usual
    assert all(one.outcome == "approve" and one.score >= 0.9 and one.reasons for one in let_through)


def test_what_the_fallback_rule_blocks_no_control_group_lets_through():
    ports = {"nightly": StandInNightly(), "scorer": StandInScorer(failing=True), "store": StandInStore()}
    batch = [feature_message(number, amount_cents=700_000) for number in range(30)]
    made = Deciding(**ports, control_group_percent=100).decide_batch(batch).decisions
    assert {(one.outcome, one.control_group) for one in made} == {("block", False)}
