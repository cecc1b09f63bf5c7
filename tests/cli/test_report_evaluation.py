"""The figures of an evaluation on the report's page, and what decisions cost as options of the commands that train."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cli import evaluate as evaluate_command
from cli.reports.figures import evaluation_values
from fraud.decision_costs import DecisionCosts
from sagemaker_src.training import evaluate_model
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model
from tests.cli.person_files import csv, fraud
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

TESTED_FROM = str(np.datetime64(TEST_FROM, "ms"))
ROUNDS = ("--rounds", str(SETTINGS.rounds), "--label-delay-days", str(int(SETTINGS.label_delay_days)))
COSTS = ("--cost-missed-share", "1.2", "--cost-review", "4", "--cost-blocked", "30.5", "--review-hours-a-day", "0.5",
         "--review-minutes", "6")  # fmt: skip
MEANT = DecisionCosts(
    cost_missed_share=Decimal("1.2"), cost_review=Decimal(4), cost_blocked=Decimal("30.5"),
    review_hours_a_day=Decimal("0.5"), review_minutes=Decimal(6),
)  # fmt: skip


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "features.parquet"
    made_up_rows().to_parquet(path)
    return path


@pytest.fixture(scope="module")
def trained(features: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fraud train` leaves, its thresholds chosen by costs."""
    out = tmp_path_factory.mktemp("trained") / "out"
    with pytest.MonkeyPatch.context() as patch:
        said = fraud(patch, Silent(), *_train(features, out), "--thresholds-by", "costs", *COSTS)  # type: ignore[arg-type]
    assert said[0] == 0, said[1]
    return out


class Silent:
    """In place of pytest's capsys, which no fixture of a module has."""

    def readouterr(self) -> Any:
        return type("Said", (), {"out": "", "err": ""})


def _train(features: Path, out: Path) -> tuple[str | Path, ...]:
    return "train", "--features", features, "--test-from", TESTED_FROM, "--out", out, *ROUNDS


def test_the_options_choose_the_thresholds_that_the_job_chooses(trained: Path) -> None:
    meant = train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM, costs=MEANT)
    manifest = json.loads((trained / "manifest.json").read_text())
    assert (manifest["thresholds"], manifest["costs"]) == (meant.manifest["thresholds"], meant.manifest["costs"])
    usual = train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM)
    assert manifest["thresholds"] != usual.manifest["thresholds"]


def test_the_evaluation_is_the_training_machines(trained: Path, features: Path, tmp_path: Path) -> None:
    options = {"model": trained, "features": features, "out": tmp_path} | {
        name.removeprefix("--"): value for name, value in zip(COSTS[::2], COSTS[1::2], strict=True)
    }
    assert evaluate_model.main([part for name, value in options.items() for part in (f"--{name}", str(value))]) == 0
    theirs, ours = (json.loads((folder / "evaluation.json").read_text()) for folder in (tmp_path, trained))
    assert ours.keys() == theirs.keys()
    assert (
        ours["costs"]["settings"]
        == theirs["costs"]["settings"]
        == {name: str(cost) for name, cost in vars(MEANT).items()}
    )
    # the machine tests on the rows right after the label delay, of which one more may be before this test begins
    assert abs(ours["held_out"]["rows"] - theirs["held_out"]["rows"]) <= 1
    assert ours["card_precision_without_known"]["value"] == pytest.approx(
        theirs["card_precision_without_known"]["value"], abs=0.01
    )


def test_the_page_shows_the_figures(trained: Path) -> None:
    told, page = json.loads((trained / "evaluation.json").read_text()), (trained / "report.html").read_text()
    at = told["at_thresholds"]["review"]
    for shown in (
        f'<td class="number">{at["precision"]:.1%}</td>',
        f'<td class="number">{at["f1"]:.3f}</td>',
        f'<td class="number">{told["card_precision"]["value"]:.4f}</td>',
        f'<td class="number">{told["calibration"]["brier"]:.5f}</td>',
        f'<td class="number">{told["costs"]["least"]["cents"] / 100:,.2f}</td>',
        "A missed fraud costs 1.2 of its amount, a review 4, a wrongly blocked payment 30.5. There may be",
        "before the test: those that cost least there",
    ):
        assert shown in page, shown
    for each in told["intervals"]["segments"]:
        if each["value"] is not None:
            assert f"{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})" in page


def test_the_page_again_has_them_too(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(trained, tmp_path / "made")
    assert fraud(monkeypatch, capsys, "report", folder)[0] == 0
    again = (folder / "report.html").read_text()
    assert again.count("<svg") == (trained / "report.html").read_text().count("<svg")
    assert 'id="segments"' in again
    (folder / "evaluation.json").unlink()
    assert fraud(monkeypatch, capsys, "report", folder)[0] == 0
    without = (folder / "report.html").read_text()
    assert 'id="segments"' not in without and 'id="at-thresholds"' in without and 'id="calibrated"' in without


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"model_version": "0123456789ab"}, "an evaluation of the model 0123456789ab; needed: that of"),
        ({"costs": None}, "evaluation.json lacks costs"),
    ],
)
def test_an_evaluation_that_is_not_the_models_is_refused(
    changed: dict[str, Any], says: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = shutil.copytree(trained, tmp_path / "made")
    told = json.loads((folder / "evaluation.json").read_text()) | changed
    (folder / "evaluation.json").write_text(json.dumps({name: value for name, value in told.items() if value}))
    status, said = fraud(monkeypatch, capsys, "report", folder, "--out", tmp_path / "page.html")
    assert (status, says in said) == (2, True), said
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--cost-review", "-1", "allowed: 0.0 to 1,000,000.0"),
        ("--cost-review", "0.001", "--cost-review: 0.001; allowed: multiples of 0.01"),
        ("--cost-missed-share", "11", "allowed: 0.0 to 10.0"),
        ("--review-minutes", "0", "allowed: 0.1 to 1,440.0"),
        ("--review-hours-a-day", "nan", "is not a number"),
        ("--thresholds-by", "money", "is not one of 'shares', 'costs'"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_costs_that_cannot_be_are_refused(
    command: str, option: str, value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = {"evaluate": "--data", "train": "--features"}[command]
    status, said = fraud(
        monkeypatch, capsys, command, given, tmp_path / "none", "--out", tmp_path / "out", option, value
    )
    assert status == 2
    assert says in " ".join(said.replace("│", " ").split()), said


@pytest.mark.parametrize("option", [("--cost-review", "3"), ("--thresholds-by", "costs")])
def test_a_table_without_amounts_costs_nothing(
    option: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(
        monkeypatch, capsys, "evaluate", "--data", "t.csv", "--label", "Class", "--out", tmp_path / "out", *option
    )
    assert (status, f"{option[0]}: not with --label" in said) == (2, True)


@pytest.mark.parametrize("other_cards", [False, True])
def test_an_evaluation_of_a_persons_file_says_as_much(
    other_cards: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate_command, "TrainingSettings", lambda **given: TrainingSettings(rounds=5, **given))
    (tmp_path / "t.csv").write_text(csv(28))
    options = ("--test-data", tmp_path / "t.csv") if other_cards else ("--test-from", "2020-01-20")
    status, said = fraud(
        monkeypatch, capsys, "evaluate", "--data", tmp_path / "t.csv", *options, "--thresholds-by", "costs",
        "--cost-review", "0.5", "--out", tmp_path / "out",
    )  # fmt: skip
    assert status == 0, said
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert told["costs"]["settings"]["cost_review"] == "0.5"
    assert told["held_out"]["rows"] == (28 if other_cards else 9)
    assert (told["card_precision_without_known"] is None) == other_cards
    manifest = json.loads((tmp_path / "out" / "model" / "manifest.json").read_text())
    assert manifest["costs"]["cost_review"] == "0.5"
    assert ('id="segments"' in (tmp_path / "out" / "report.html").read_text()) is True


def test_thresholds_that_nothing_reaches_and_no_row_are_drawn() -> None:
    none = pd.DataFrame({"is_fraud": [], "score": []})
    found = evaluation_values(none, {"review": np.inf, "block": np.inf}, None)
    assert found["at_thresholds"][0] == ("review", "above every score", "0", "-", "-", "-")
    assert found["calibration_chart"] is None
