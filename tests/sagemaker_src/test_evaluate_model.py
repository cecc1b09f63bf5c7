"""The evaluation of a trained model: which rows count, beside whom, and that the gate can read it."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, precision_score, recall_score

from fraud.decision_costs import DecisionCosts
from fraud.fields import OPTIONAL_FEATURES
from fraud.model_input import ModelInput
from fraud.promotion import verdict
from fraud.vector import MODEL_FEATURES
from sagemaker_src.training import evaluate_model, train
from sagemaker_src.training.evaluate_model import evaluate
from sagemaker_src.training.feature_rows import ROW_COLUMNS
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model

DAY_MS = 86_400_000
START = 1_767_225_600_000
DAYS = 100
SETTINGS = TrainingSettings(rounds=20, label_delay_days=3)
TEST_FROM = START + 80 * DAY_MS


def made_up_rows(count=6_000):
    """Rows in which high amounts are fraud."""
    random = np.random.default_rng(1)
    rows = pd.DataFrame({name: random.gamma(2, 40, count) for name in ROW_COLUMNS})
    counts = [name for name in ROW_COLUMNS if name.startswith("num_trans")]
    rows[counts] = rows[counts].round()
    rows["transaction_id"] = [f"t{number}" for number in range(count)]
    rows["cc_num"] = [f"{number % 50:032x}" for number in range(count)]
    rows["category"] = random.choice(["travel", "home"], count)
    rows["event_ms"] = START + (np.arange(count) * (DAYS * DAY_MS // count))
    rows["amount_cents"] = random.integers(100, 50_000, count)
    rows["is_fraud"] = (rows["amount_cents"] > 48_000).astype(int)
    return rows


@pytest.fixture(scope="module")
def rows():
    return made_up_rows()


@pytest.fixture(scope="module")
def trained(rows):
    return train_model(rows, SETTINGS, test_from_ms=TEST_FROM)


@pytest.fixture
def places(rows, trained, tmp_path):
    """Folders as the training state machine mounts them: features, and the model as its training job packs it."""
    rows.to_parquet(tmp_path / "features.parquet")
    trained.save(tmp_path / "saved")
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz") as packed:
        for name in ("model.ubj", "manifest.json"):
            packed.add(tmp_path / "saved" / name, name)
    return tmp_path


def evaluated(places, *options):
    arguments = [
        "--model",
        places / "model",
        "--features",
        places / "features.parquet",
        "--out",
        places / "out",
        *options,
    ]
    assert evaluate_model.main([str(argument) for argument in arguments]) == 0
    return json.loads((places / "out" / "evaluation.json").read_text())


@pytest.mark.slow
def test_it_counts_the_rows_that_the_model_has_not_seen(places, trained):
    evaluation = evaluated(places)
    training = trained.manifest["metrics"]["test"]
    assert evaluation["model_version"] == trained.manifest["model_version"]
    # the label delay ends within the step between two rows before the day on which training's own test begins
    assert TEST_FROM - DAYS * DAY_MS // 6_000 <= evaluation["held_out"]["from_ms"] <= TEST_FROM
    assert abs(evaluation["held_out"]["rows"] - training["rows"]) <= 1
    assert evaluation["metrics"]["average_precision"] == pytest.approx(training["average_precision"], abs=0.01)
    assert evaluation["champion"] is None


def test_the_gate_can_read_it(places):
    assert verdict(evaluated(places)["metrics"], None).accepted


def test_the_champion_is_judged_on_the_same_rows(places, rows):
    worse = train_model(
        rows, TrainingSettings(rounds=1, max_depth=1, label_delay_days=3), test_from_ms=START + 60 * DAY_MS
    )
    worse.save(places / "champion")
    evaluation = evaluated(places, "--champion", places / "champion")
    assert evaluation["champion"]["model_version"] == worse.manifest["model_version"]
    assert evaluation["champion"]["metrics"]["rows"] == evaluation["metrics"]["rows"]
    assert verdict(evaluation["metrics"], evaluation["champion"]["metrics"]).accepted
    assert not verdict(evaluation["champion"]["metrics"], evaluation["metrics"]).accepted


def test_it_tells_what_the_thresholds_do_and_cost(places, rows, trained):
    evaluation = evaluated(places, "--cost-review", "2.50", "--review-hours-a-day", "1")
    scores = pq.read_table(places / "out" / "scores.parquet").to_pandas()
    label, thresholds = scores["is_fraud"], trained.manifest["thresholds"]
    for name in ("review", "block"):
        flagged = scores["score"] >= thresholds[name]
        assert evaluation["at_thresholds"][name]["precision"] == pytest.approx(precision_score(label, flagged))
        assert evaluation["at_thresholds"][name]["recall"] == pytest.approx(recall_score(label, flagged))
    assert evaluation["calibration"]["brier"] == pytest.approx(brier_score_loss(label, scores["score"]))
    assert 0 < evaluation["card_precision"]["value"] <= evaluation["card_precision"]["best"]
    costs = evaluation["costs"]
    assert (costs["settings"]["cost_review"], costs["settings"]["cost_blocked"]) == ("2.50", "15")
    assert costs["least"]["cents"] <= costs["at_thresholds"]["cents"]
    assert costs["most_reviews"] == int(12 * costs["days"])


def test_a_cost_outside_its_range_is_named(places, capsys):
    with pytest.raises(SystemExit):
        evaluated(places, "--cost-review", "0.001")
    assert "cost_review: 0.001; allowed: multiples of 0.01" in capsys.readouterr().err


def test_thresholds_by_costs_are_those_of_least_cost_and_the_model_is_the_same(rows, trained):
    dear, careless = (
        train_model(rows, SETTINGS, test_from_ms=TEST_FROM, costs=costs)
        for costs in (DecisionCosts(cost_review=Decimal(500)), DecisionCosts(cost_missed_share=Decimal(0)))
    )
    assert trained.model.save_raw("ubj") == dear.model.save_raw("ubj") == careless.model.save_raw("ubj")
    # no review is worth it; and where a missed fraud costs nothing, nothing is
    assert dear.manifest["thresholds"]["review"] == dear.manifest["thresholds"]["block"] < 1
    assert set(careless.manifest["thresholds"].values()) == {np.inf}
    assert (dear.manifest["costs"]["cost_review"], trained.manifest.get("costs")) == ("500", None)


def test_a_champion_folder_without_a_model_is_no_champion(places):
    (places / "none").mkdir()
    assert evaluated(places, "--champion", places / "none")["champion"] is None


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda places, rows: (places / "model" / "model.tar.gz").unlink(), "holds neither model.tar.gz nor manifest"),
        (lambda places, rows: rows.drop(columns="is_fraud").to_parquet(places / "features.parquet"), "lacks the columns"),
        (lambda places, rows: rows[:100].to_parquet(places / "features.parquet"), "no rows after the model's last training row"),
        (lambda places, rows: (places / "features.parquet").unlink(), "does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_said(places, rows, break_it, says, capsys):
    break_it(places, rows)
    with pytest.raises(SystemExit):
        evaluated(places)
    assert says in capsys.readouterr().err


def test_a_model_that_does_not_say_what_it_takes_is_refused(places, capsys):
    manifest = json.loads((places / "saved" / "manifest.json").read_text())
    (places / "saved" / "manifest.json").write_text(json.dumps(manifest | {"feature_names": ["shoe_size"]}))
    with pytest.raises(SystemExit):
        evaluated(places, "--model", places / "saved")
    assert "categories: of category, which feature_names does not name" in capsys.readouterr().err


def test_each_is_judged_on_its_own_features_on_the_same_rows(rows, trained, monkeypatch):
    """A champion from before a feature was declared, beside a candidate that has it."""
    declared = train.declared_input

    def fewer(categories):
        whole = declared(categories)
        return ModelInput(tuple(name for name in whole.names if name != "amount"), whole.categories)

    monkeypatch.setattr(train, "declared_input", fewer)
    champion = train_model(rows, SETTINGS, test_from_ms=TEST_FROM)
    assert set(trained.manifest["feature_names"]) - set(champion.manifest["feature_names"]) == {"amount"}
    found = evaluate(trained, rows, champion).told
    assert found["metrics"] == evaluate(trained, rows).told["metrics"]
    assert found["champion"]["metrics"] == evaluate(champion, rows).told["metrics"]
    assert found["champion"]["metrics"] != found["metrics"]


def test_a_champion_of_a_later_release_is_judged_without_what_this_one_does_not_compute(rows, trained):
    later = ["shoe_size" if name == "amount" else name for name in trained.manifest["feature_names"]]
    champion = replace(trained, manifest=trained.manifest | {"feature_names": later})
    found = evaluate(trained, rows, champion).told
    assert found["champion"]["metrics"]["rows"] == found["metrics"]["rows"]
    assert found["champion"]["metrics"]["average_precision"] < found["metrics"]["average_precision"] - 0.2


def test_a_feature_that_no_training_row_holds_is_not_the_models(rows):
    without = rows.assign(max_amt_last_30d=np.nan)
    names = train_model(without, SETTINGS, test_from_ms=TEST_FROM).manifest["feature_names"]
    optional = {field.name for field in OPTIONAL_FEATURES}
    assert set(MODEL_FEATURES) - optional - set(names) == {"max_amt_last_30d", "amt_over_max_last_30d"}


def test_the_scores_of_the_rows_are_written_beside_and_tell_no_card(places, rows, trained):
    evaluation = evaluated(places)
    scores = pd.read_parquet(places / "out" / "scores.parquet")
    assert list(scores) == ["transaction_id", "event_time", "is_fraud", "amount_cents", "score"]
    tested = rows.set_index("transaction_id").loc[scores["transaction_id"]]
    assert len(scores) == evaluation["held_out"]["rows"] == evaluation["metrics"]["rows"]
    assert (scores["amount_cents"].to_numpy() == tested["amount_cents"].to_numpy()).all()
    assert (scores["is_fraud"].to_numpy() == tested["is_fraud"].to_numpy()).all()
    assert average_precision_score(scores["is_fraud"], scores["score"]) == evaluation["metrics"]["average_precision"]
    said = pq.read_schema(places / "out" / "scores.parquet").metadata[b"model_version"]
    assert said.decode() == trained.manifest["model_version"]
    holds = (places / "out" / "scores.parquet").read_bytes()
    assert not [card for card in rows["cc_num"].unique() if card.encode() in holds]
    assert sorted(path.name for path in (places / "out").iterdir()) == ["evaluation.json", "scores.parquet"]


def test_fraud_evaluates_scores_have_the_same_form(places, trained):
    evaluated(places)
    (places / "own").mkdir()
    trained.save_scores(places / "own")
    own, machine = (pq.read_schema(places / each / "scores.parquet") for each in ("own", "out"))
    assert own.equals(machine, check_metadata=True)
