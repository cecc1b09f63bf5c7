"""Decisions made again: those that were not touched are equal, and whatever is changed in a record is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.deciding import Deciding, decide_without_features
from fraud.decision import Decision, FallbackRule, Reason
from fraud.durations import MS_PER_DAY
from fraud.ports import Nightly
from fraud.transaction import parse_transaction
from local.decided_again import Again, GoneError, Model, Past, decide_again
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer, Unavailable
from sagemaker_src.serving import inference
from samples.deciding_world import CARDS, MOMENT, feature_fields, small_nightly, transaction_message, write_model

CUT = MOMENT - 3_600_000
"""Of the nightly records."""
# the first dozen are of high amounts: more than the model explains exactly
FEATURES = [
    feature_fields(number, **({"amount_cents": 40_000 + number} if number < 12 else {})) for number in range(60)
]
MESSAGES = {one["transaction_id"]: json.dumps(one).encode() for one in FEATURES}
NIGHTLY = small_nightly()


class Broken(ModelScorer):
    """A model that no longer answers as its folder says."""

    def score(self, vectors: Any, given: Any, reasons: int) -> Any:
        answer = super().score(vectors, given, reasons)
        return answer._replace(scores=[answer.scores[0] + 1e-9, *answer.scores[1:]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


def past(model: Path, nightly: dict[int, Nightly] | None = None, **changes: Any) -> Past:
    nights = {CUT: NIGHTLY} if nightly is None else nightly

    def night(cut_ms: int) -> Nightly:
        if cut_ms not in nights:
            raise GoneError("no such night")
        return nights[cut_ms]

    @cache
    def of_version(version: str) -> Model:
        if version != "small":
            raise GoneError(f"model {version} is not there")
        return Model(ModelScorer(model), ModelScorer(model, exact=False))

    return Past(**{"messages": MESSAGES, "nightly": night, "model": of_version, "cuts": (CUT,), **changes})


def run(
    scorer: Any, nightly: Any = None, features: list[dict[str, Any]] = FEATURES, percent: float = 0
) -> list[Decision]:
    """What a run decided of FEATURES in three batches."""
    moments = iter(range(1, 10))
    known = KnownNightly(NIGHTLY) if nightly is None else nightly
    deciding = Deciding(
        nightly=known, scorer=scorer, store=MadeDecisions(), control_group_percent=percent, clock=lambda: next(moments)
    )
    made = []
    for start in (0, 20, 40):
        made += deciding.decide_batch([json.dumps(one).encode() for one in features[start : start + 20]]).decisions
    return [Decision.from_json(one.to_json()) for one in made]


def differing(agains: list[Again]) -> list[str]:
    return [one.text for one in agains if not one.equal]


def test_untouched_ones_are_equal_in_their_order(model: Path) -> None:
    recorded = run(ModelScorer(model))
    reviewed = [one for one in recorded[:20] if one.outcome != "approve"]
    assert len(reviewed) > inference.EXACT_ROWS, "some of a batch must be explained less exactly than others"
    agains = decide_again(recorded, past(model))
    assert [one.recorded for one in agains] == recorded
    assert (len(agains), differing(agains)) == (60, [])


def test_the_control_group_is_drawn_again_and_explained_as_what_is_blocked(tmp_path: Path) -> None:
    model = write_model(tmp_path / "strict", thresholds={"review": 0.001, "block": 0.001})
    recorded = run(ModelScorer(model), percent=50)
    let_through = [one.transaction_id for one in recorded if one.control_group]
    assert 5 < len(let_through) < sum(one.would_be == "block" for one in recorded) - 5
    assert differing(decide_again(recorded, past(model, control_group_percent=50))) == []
    told = differing(decide_again(recorded, past(model, control_group_percent=0)))
    assert [one.split(":")[0] for one in told] == let_through
    assert "outcome 'approve', made again 'block'; control_group True, made again False" in told[0]


def test_reasons_that_are_neither_explanation_are_found(model: Path) -> None:
    recorded = run(ModelScorer(model))
    assert recorded[0].outcome != "approve"
    recorded[0] = replace(recorded[0], reasons=recorded[0].reasons[::-1])
    (told,) = differing(decide_again(recorded, past(model)))
    assert told.startswith("t0: reasons")


def test_a_score_that_is_off_in_its_last_places_is_found(model: Path) -> None:
    different = differing(decide_again(run(Broken(model)), past(model)))
    assert len(different) == 3
    assert different[0].startswith("t0: score 0.")


def test_another_threshold_is_found(tmp_path: Path, model: Path) -> None:
    stricter = write_model(tmp_path / "stricter", thresholds={"review": 0.0, "block": 0.9})
    different = differing(decide_again(run(ModelScorer(model)), past(stricter)))
    assert any("outcome 'approve', made again 'review'" in told for told in different)


def test_another_nightly_value_is_found(model: Path) -> None:
    record = NIGHTLY.cards[CARDS[7]]
    features = {**record.features, "avg_amt_last_1w": 48.28}
    other = NIGHTLY._replace(cards={**NIGHTLY.cards, CARDS[7]: record._replace(features=features)})
    (told,) = differing(decide_again(run(ModelScorer(model)), past(model, {CUT: other})))
    assert told == "t7: feature avg_amt_last_1w 48.27, made again 48.28"


def test_a_decision_whose_transaction_is_gone_cannot_be_made_again(model: Path) -> None:
    rest = {key: message for key, message in MESSAGES.items() if key != "t0"}
    (told,) = differing(decide_again(run(ModelScorer(model)), past(model, messages=rest)))
    assert told == "t0: cannot be made again: its transaction is not among the raw rows"


def test_a_decision_whose_model_or_night_is_gone_cannot_be_made_again(model: Path) -> None:
    recorded = run(ModelScorer(model))[:2]
    recorded[0] = replace(recorded[0], model_version="v9")
    assert differing(decide_again(recorded, past(model))) == ["t0: cannot be made again: model v9 is not there"]
    told = differing(decide_again(recorded[1:], past(model, {})))
    assert told == ["t1: cannot be made again: no such night"]


def test_figures_of_all_cards_may_be_of_the_night_before(model: Path) -> None:
    # a card's own record is written before they are
    before = NIGHTLY._replace(population={"avg_amt_population_30d": {}})
    mixed = NIGHTLY._replace(population=before.population)
    recorded = run(ModelScorer(model), KnownNightly(mixed))
    assert differing(decide_again(recorded, past(model, {CUT: NIGHTLY, CUT - MS_PER_DAY: before}))) == []
    different = differing(decide_again(recorded, past(model)))
    assert "feature avg_amt_population_30d None, made again 70.25" in different[0]


def test_a_card_that_no_night_knew_is_decided_on_the_figures_of_all_cards(model: Path) -> None:
    recorded = run(ModelScorer(model), KnownNightly(NIGHTLY._replace(cards={})))
    assert {one.nightly_cut for one in recorded} == {None}
    assert differing(decide_again(recorded, past(model))) == []
    nothing = run(ModelScorer(model), KnownNightly(Nightly({}, {})))
    assert differing(decide_again(nothing, past(model))) == []


def test_what_the_fallback_rule_decided_is_made_again_by_the_rule(model: Path) -> None:
    absent = Unavailable("the model did not answer in time")
    recorded = [*run(absent, absent)[:30], *run(ModelScorer(model))[30:]]
    assert {one.path for one in recorded} == {"fallback", "model"}
    assert differing(decide_again(recorded, past(model))) == []
    other = FallbackRule(review_from_amount="400.00")
    different = differing(decide_again(recorded, past(model, rule=other)))
    assert different[0].startswith("t0: outcome 'approve', made again 'review'")


def test_what_the_watch_decided_is_made_again_without_features(model: Path) -> None:
    waiting = [(parse_transaction(transaction_message(number)), MOMENT + number) for number in range(20, 30)]
    recorded = decide_without_features(
        waiting, "no features within 30 s", store=MadeDecisions(), fallback=FallbackRule()
    )
    assert differing(decide_again(recorded, past(model))) == []
    recorded[3] = replace(recorded[3], amount_cents=99)
    (told,) = differing(decide_again(recorded, past(model)))
    assert told == "t23: amount_cents 99, made again 1161"


def test_the_watch_may_have_seen_a_later_delivery_of_a_payment_and_no_earlier_one(model: Path) -> None:
    waiting = [(parse_transaction(transaction_message(number)), MOMENT + number) for number in range(20, 30)]
    recorded = decide_without_features(
        waiting, "no features within 30 s", store=MadeDecisions(), fallback=FallbackRule()
    )
    recorded[4] = replace(recorded[4], trans_time=recorded[4].trans_time + 60_000)
    assert differing(decide_again(recorded, past(model))) == []
    recorded[5] = replace(recorded[5], trans_time=recorded[5].trans_time - 60_000)
    (told,) = differing(decide_again(recorded, past(model)))
    assert told.startswith("t25: trans_time ")


def test_a_feature_that_was_declared_later_is_no_difference(model: Path) -> None:
    recorded = run(ModelScorer(model))[20:21]
    without = dict(recorded[0].features)
    del without["num_trans_last_1h"]
    (again,) = decide_again([replace(recorded[0], features=without)], past(model))
    assert again.text == "t20: feature num_trans_last_1h None, made again 2", "the model reads it"
    ignoring = replace(past(model), model=lambda _: Model(*map(_taking_little, past(model).model("small"))))
    (again,) = decide_again([replace(recorded[0], features=without)], ignoring)
    assert (again.equal, again.lacks) == (True, ("num_trans_last_1h",))


def _taking_little(scorer: ModelScorer) -> ModelScorer:
    class Little(ModelScorer):
        def __init__(self) -> None:
            self._model = scorer._model

        takes = ("amount", "amt_over_avg_last_1d")

    return Little()


def _with_feature(one: Decision, draw: Any) -> Decision:
    name = draw(st.sampled_from(sorted(one.features)))
    value = one.features[name]
    other = (
        "another" if isinstance(value, str) else None if draw(st.booleans()) and value is not None else (value or 0) + 1
    )
    return replace(one, features={**one.features, name: other})


def _with_reason(one: Decision, draw: Any) -> Decision:
    place = draw(st.integers(0, len(one.reasons) - 1))
    reason = one.reasons[place]
    other = draw(
        st.sampled_from(
            [reason._replace(feature="hour_share"), reason._replace(contribution=(reason.contribution or 0) + 1e-6)]
        )
    )
    changed: tuple[Reason, ...] = (*one.reasons[:place], other, *one.reasons[place + 1 :])
    return replace(one, reasons=changed)


CHANGES: dict[str, Callable[[Decision, Any], Decision]] = {
    "control_group": lambda one, _: replace(one, control_group=not one.control_group),
    "score": lambda one, draw: replace(one, score=draw(st.floats(0, 1).filter(lambda value: value != one.score))),
    "outcome": lambda one, draw: replace(
        one, outcome=draw(st.sampled_from([each for each in ("approve", "review", "block") if each != one.outcome]))
    ),
    "feature": _with_feature,
    "reason": _with_reason,
    "amount_cents": lambda one, draw: replace(one, amount_cents=one.amount_cents + draw(st.integers(1, 10_000))),
    "cc_num": lambda one, draw: replace(
        one, cc_num=draw(st.sampled_from([each for each in CARDS if each != one.cc_num]))
    ),
    "trans_time": lambda one, draw: replace(one, trans_time=one.trans_time - draw(st.integers(1, MS_PER_DAY))),
    "event_time": lambda one, draw: replace(one, event_time=draw(st.sampled_from([None, "2026-01-01T00:00:00.001Z"]))),
    "warning": lambda one, draw: replace(one, warning=draw(st.text(min_size=1))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_is_changed_in_a_record_is_found(what: str, model: Path) -> None:
    recorded, made_of = run(ModelScorer(model)), past(model)

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def found(data: st.DataObject) -> None:
        one = recorded[data.draw(st.integers(0, len(recorded) - 1))]
        changed = CHANGES[what](one, data.draw)
        (again,) = decide_again([changed], made_of)
        assert again.differences, f"{what} of {one.transaction_id}"
        named = {"feature": "feature ", "reason": "reasons"}.get(what, what)
        assert any(each.what.startswith(named) for each in again.differences)

    found()
