"""`fraud evaluate --prequential`: what it writes, going on after a stop, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from cli import evaluate_over_time
from tests.cli.person_files import CARD, frame, fraud

WEEKS = ("--prequential", "--test-from", "2020-01-15", "--every-days", "7", "--label-delay-days", "3")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four weeks, two transactions a day."""
    path = tmp_path / "own.csv"
    frame(56).to_csv(path, index=False)
    return path


@pytest.fixture(autouse=True)
def few_trees(tmp_path: Path) -> Path:
    path = tmp_path / "parameters.json"
    path.write_text(json.dumps({"rounds": 100}))
    return path


def test_each_week_is_tested_on_models_of_what_was_known(
    data: Path, few_trees: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ("evaluate", "--data", data, *WEEKS, "--parameters", few_trees, "--out", out)
    assert fraud(monkeypatch, capsys, *given)[0] == 0
    told = json.loads((out / "prequential.json").read_text())
    assert (told["every_days"], told["label_delay_days"], told["settings"]["rounds"]) == (7, 3, 100)
    days = [pd.to_datetime([each["from_ms"], each["known_until_ms"]], unit="ms") for each in told["periods"]]
    assert [[f"{day:%m-%d}" for day in each] for each in days] == [["01-15", "01-12"], ["01-22", "01-19"]]
    assert told["together"]["rows"] == sum(each["rows"] for each in told["periods"]) == 28
    scores = pd.read_parquet(out / "scores.parquet")
    assert list(scores) == ["transaction_id", "event_ms", "is_fraud", "period", "retrained", "static"]
    page = (out / "report.html").read_text()
    assert "2020-01-22" in page and CARD not in page
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "own.csv", "parameters.json"]


def test_one_that_was_stopped_goes_on(
    data: Path, few_trees: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("evaluate", "--data", data, *WEEKS, "--parameters", few_trees, "--out")
    assert fraud(monkeypatch, capsys, *given, tmp_path / "whole")[0] == 0
    whole, computed = evaluate_over_time.prequential, []

    def stopped(*asked: object) -> object:
        computed.append(whole(*asked))  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluate_over_time, "prequential", stopped)
        status, said = fraud(monkeypatch, capsys, *given, tmp_path / "out")
    assert status != 0 and "goes on from the periods that are done" in said
    assert computed and not (tmp_path / "out").exists()
    status, said = fraud(monkeypatch, capsys, *given, tmp_path / "out")
    assert status == 0 and "Going on: 2 of 2 periods are done" in said
    one, other = ((tmp_path / name / "prequential.json").read_text() for name in ("whole", "out"))
    assert one == other


REFUSED = {
    "a table without cards": (("--prequential", "--label", "is_fraud"), "--label: not with --prequential"),
    "another file to test on": (("--prequential", "--test-data", "own.csv"), "--test-data: not with --prequential"),
    "costs": (("--prequential", "--cost-review", "4"), "--cost-review: not with --prequential"),
    "a period of nothing": (("--every-days", "7"), "--every-days: only with --prequential"),
    "a delay of nothing": (("--label-delay-days", "7"), "--label-delay-days: only with --prequential"),
    "no day of the file's": (("--prequential", "--test-from", "2021-01-01"), "runs from 2020-01-01 to 2020-01-28"),
    "no label known by then": (("--prequential", "--test-from", "2020-01-02"), "period 1: known"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_means_nothing_is_refused(
    case: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options, says = REFUSED[case]
    status, said = fraud(monkeypatch, capsys, "evaluate", "--data", data, *options, "--out", tmp_path / "out")
    assert status == 2 and says in said, said
    assert not (tmp_path / "out").exists()
