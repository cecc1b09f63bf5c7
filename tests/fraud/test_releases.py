"""Code, models, records and stores of two releases meet while one takes over from the other: no error, nothing by the fallback.

"Old" lacks what "new" declares: the field `currency`, the window's mean age of a day, and a nightly feature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from fraud.deciding import Deciding
from fraud.decision import Decision
from fraud.features.nightly_records import card_record, nightly_record
from fraud.model_input import ModelInput
from fraud.ports import Nightly
from fraud.vector import MODEL_FEATURES
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer
from samples.deciding_world import CARDS, CATEGORIES, INPUT, POPULATION, feature_fields
from samples.deciding_world import card_record as sample_card

NEW_TO_IT = {"currency", "mean_age_last_1d", "avg_amt_all"}
NEW = ModelInput((*INPUT.names, "currency"), {**INPUT.categories, "currency": ("EUR", "USD")})
OLD = ModelInput(tuple(name for name in INPUT.names if name not in NEW_TO_IT), INPUT.categories)
NEWER = ModelInput((*NEW.names, "num_trans_device_last_10m"), NEW.categories)
"""Of a release that this code does not know: the model stays when the release before it is deployed again."""
MODELS = {"old": OLD, "new": NEW, "of a later release": NEWER}


def model(folder: Path, takes: ModelInput) -> Path:
    """A small model of made-up vectors of these features."""
    random = np.random.default_rng(1)
    rows = random.gamma(2, 40, size=(400, len(takes.names))).astype(np.float32)
    for name, values in takes.categories.items():
        rows[:, takes.names.index(name)] = random.integers(0, len(values), len(rows))
    label = rows[:, 0] + (rows[:, -1] > rows[:, -1].mean()) * 60 > 120
    matrix = xgb.DMatrix(
        rows, label, feature_names=list(takes.names), feature_types=list(takes.types), enable_categorical=True
    )
    folder.mkdir(parents=True, exist_ok=True)
    xgb.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, matrix, 20).save_model(
        folder / "model.ubj"
    )
    said = {"model_version": "v", **takes.manifest(), "thresholds": {"review": 0.5, "block": 0.9}}
    (folder / "manifest.json").write_text(json.dumps(said))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: model(tmp_path_factory.mktemp("model") / "it", takes) for name, takes in MODELS.items()}


def record(of: str) -> bytes:
    """A record of the stream: the new release's has a field, a feature and a column that the old one's lacks."""
    fields = feature_fields(1, mean_age_last_1d=7.5)
    if of == "old":
        del fields["mean_age_last_1d"]
    else:
        fields |= {"currency": "EUR", "num_trans_device_last_10m": 3, "a_column_of_later": [1, {"x": None}]}
    return json.dumps(fields).encode()


def nightly(of: str) -> Nightly:
    """A card's record of the nightly store, as it is read back."""
    kept = {value["FeatureName"]: value["ValueAsString"] for value in nightly_record(CARDS[1], sample_card())}
    if of == "old":
        del kept["avg_amt_all"]
    else:
        habits = json.loads(kept["habits"]) | {"countries": {"US": [3, 1.5]}}
        kept |= {"habits": json.dumps(habits), "num_trans_last_90d": "4"}
    return Nightly({CARDS[1]: card_record(kept)}, POPULATION)


def decided(folder: Path, message: bytes, known: Nightly) -> Decision:
    use_case = Deciding(nightly=KnownNightly(known), scorer=ModelScorer(folder), store=MadeDecisions(), clock=lambda: 0)
    (made,) = use_case.decide_batch([message]).decisions
    return made


@pytest.mark.parametrize("of_nightly", ["old", "new"])
@pytest.mark.parametrize("of_record", ["old", "new"])
@pytest.mark.parametrize("of_model", MODELS)
def test_every_pair_of_model_record_and_nightly_store_decides_by_the_model(
    of_model: str, of_record: str, of_nightly: str, folders: dict[str, Path]
) -> None:
    made = decided(folders[of_model], record(of_record), nightly(of_nightly))
    assert (made.path, made.why, made.model_version) == ("model", None, "v")
    said = "the model takes features that are not computed here: num_trans_device_last_10m"
    assert made.warning == (said if of_model == "of a later release" else None)
    assert made.features.get("currency") == ("EUR" if of_record == "new" else None)
    assert made.features["mean_age_last_1d"] == (7.5 if of_record == "new" else None)
    assert (made.features["avg_amt_all"] is None) == (of_nightly == "old")
    # made again from what it says of itself
    again: dict[str, Any] = feature_fields(1, **made.features)
    assert decided(folders[of_model], json.dumps(again).encode(), nightly(of_nightly)).score == made.score


def test_an_old_model_says_the_same_whatever_is_new(folders: dict[str, Path]) -> None:
    scores = {decided(folders["old"], record(of), nightly(of)).score for of in ("old", "new")}
    assert len(scores) == 1


def test_a_new_model_uses_what_is_new(folders: dict[str, Path]) -> None:
    scores = {decided(folders["new"], record(of), nightly("new")).score for of in ("old", "new")}
    assert len(scores) == 2


def test_a_decision_of_a_later_release_is_read() -> None:
    made = Decision(
        transaction_id="t1", cc_num="0" * 32, amount_cents=5, trans_time=0, decided_at=9, outcome="approve", path="model",
        score=0.1, model_version="v", features={"amount": 0.05, "num_trans_device_last_10m": 3.0},
    )  # fmt: skip
    later = json.loads(made.to_json()) | {"a_column_of_later": {"x": 1}}
    assert Decision.from_json(json.dumps(later)) == made


def test_a_model_goes_on_getting_a_feature_that_new_ones_do_not_take(tmp_path: Path) -> None:
    assert "amt_over_population" not in MODEL_FEATURES
    before = model(tmp_path, ModelInput(("amount", "amt_over_population"), {}))
    known = nightly("new")
    cheap = Nightly(known.cards, {"avg_amt_population_30d": {feature_fields(1)["category"]: 0.01}})
    here, there = (decided(before, record("new"), each) for each in (known, cheap))
    assert here.warning is there.warning is None
    assert here.score != there.score


def test_categories_of_the_model_are_its_own(folders: dict[str, Path]) -> None:
    """A value that neither release has seen counts as missing, in both."""
    fields = feature_fields(1, category="of a later release", currency="XXX")
    for name in MODELS:
        made = decided(folders[name], json.dumps(fields).encode(), nightly("new"))
        assert made.path == "model"
    assert "of a later release" not in CATEGORIES
