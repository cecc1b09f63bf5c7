"""A run's decisions against the local core's: the same are found to be the same, and whatever differs is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fraud.deciding import Deciding
from local.decided_again import KnownNightly, MadeDecisions, ModelScorer, differing_decisions
from sagemaker_src.serving import inference
from samples.deciding_world import CARDS, feature_fields, small_nightly, write_model

# the first dozen are of high amounts: more than the model explains exactly
FEATURES = [
    feature_fields(number, **({"amount_cents": 40_000 + number} if number < 12 else {})) for number in range(60)
]


class Broken(ModelScorer):
    """A model that no longer answers as its folder says."""

    def score(self, vectors: Any, given: Any, reasons: int) -> Any:
        answer = super().score(vectors, given, reasons)
        return answer._replace(scores=[answer.scores[0] + 1e-9, *answer.scores[1:]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


NIGHTLY = small_nightly()


def run(scorer: ModelScorer) -> list[dict[str, Any]]:
    """The rows of a run that decided FEATURES in three batches."""
    moments = iter(range(1, 10))
    deciding = Deciding(
        nightly=KnownNightly(NIGHTLY), scorer=scorer, store=MadeDecisions(), clock=lambda: next(moments)
    )
    made = []
    for start in (0, 20, 40):
        made += deciding.decide_batch([json.dumps(one).encode() for one in FEATURES[start : start + 20]]).decisions
    return [{"path": one.path, "outcome": one.outcome, "decision": one.to_json()} for one in made]


def test_the_same_features_give_the_same_decisions(model: Path) -> None:
    rows = run(ModelScorer(model))
    reviewed = [row for row in rows[:20] if row["outcome"] != "approve"]
    assert len(reviewed) > inference.EXACT_ROWS, "some of a batch must be explained less exactly than others"
    # a restart of the stream job delivers some again
    again = [*FEATURES, *FEATURES[:5]]
    assert differing_decisions(rows, again, NIGHTLY, model) == (60, [])


def test_reasons_that_are_neither_explanation_are_found(model: Path) -> None:
    rows = run(ModelScorer(model))
    decision = json.loads(rows[0]["decision"])
    assert decision["outcome"] != "approve"
    decision["reasons"].reverse()
    rows[0]["decision"] = json.dumps(decision)
    (told,) = differing_decisions(rows, FEATURES, NIGHTLY, model)[1]
    assert told.startswith("t0: reasons")


def test_what_the_fallback_rule_decided_is_not_compared(model: Path) -> None:
    rows = run(ModelScorer(model))
    rows[3] |= {"path": "fallback", "score": None}
    assert differing_decisions(rows, FEATURES, NIGHTLY, model) == (59, [])


def test_a_score_that_is_off_in_its_last_places_is_found(model: Path) -> None:
    rows = run(Broken(model))
    compared, different = differing_decisions(rows, FEATURES, NIGHTLY, model)
    assert (compared, len(different)) == (60, 3)
    assert different[0].startswith("t0: score 0.")


def test_another_threshold_is_found(tmp_path: Path, model: Path) -> None:
    rows = run(ModelScorer(model))
    stricter = write_model(tmp_path / "stricter", thresholds={"review": 0.0, "block": 0.9})
    _, different = differing_decisions(rows, FEATURES, NIGHTLY, stricter)
    assert any("outcome 'approve', the local core 'review'" in told for told in different)


def test_another_nightly_value_is_found(model: Path) -> None:
    rows = run(ModelScorer(model))
    record = NIGHTLY.cards[CARDS[7]]
    features = {**record.features, "avg_amt_last_1w": 48.28}
    other = NIGHTLY._replace(cards={**NIGHTLY.cards, CARDS[7]: record._replace(features=features)})
    (told,) = differing_decisions(rows, FEATURES, other, model)[1]
    assert told == "t7: feature avg_amt_last_1w 48.27, the local core 48.28"


def test_a_decision_without_features_in_the_stream_is_named(model: Path) -> None:
    rows = run(ModelScorer(model))
    assert differing_decisions(rows, FEATURES[1:], NIGHTLY, model)[1] == [
        "t0: the stream gave no features to decide it on again"
    ]
