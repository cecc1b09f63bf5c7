"""Differential privacy from the command line: the epsilon that was asked for is kept, and stands in the model and on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.plain_table import read_table
from tests.cli.person_files import fraud
from tests.cli.synthesis_files import frame, run, written

BOUNDS = {"Time": (0, 100_000), "V1": (-9, 9), "V2": (-9, 9), "Amount": (0, 2_000)}
LABEL = ("--label", "Class", "--positive", "1")
FIT = (*LABEL, *(word for name, (low, high) in BOUNDS.items() for word in ("--bounds", f"{name}={low}:{high}")))


@pytest.mark.slow
def test_the_epsilon_that_was_asked_for_stands_in_the_model_and_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, model, rows = written(tmp_path / "data.csv", frame(frauds=60)), tmp_path / "model", tmp_path / "synthetic.csv"
    run(monkeypatch, "fit", "--data", data, *FIT, "--epochs", "3", "--epsilon", "5", "--out", model)
    kept = json.loads((model / "generator.json").read_text())["privacy"]
    learned = len(json.loads((model / "fitted.json").read_text())["trained"])
    assert (kept["epsilon"], kept["delta"], learned) == (5, 1 / (10 * learned), 48)
    assert kept["noise_multiplier"] > 1

    run(monkeypatch, "sample", "--model", model, "--rows", "60", "--out", rows)
    made = read_table(rows)
    assert len(made) == 60
    for name, (low, high) in BOUNDS.items():
        assert made[name].dropna().between(low, high).all()

    quality = tmp_path / "quality"
    measured = ("--quick", "--resplits", "2", "--out", quality)
    run(monkeypatch, "evaluate", "--real", data, "--synthetic", rows, "--model", model, *measured)
    assert json.loads((quality / "quality.json").read_text())["rows"]["synthetic"] == 60
    page = re.sub(r"<[^>]*>", " ", (quality / "report.html").read_text())
    assert "differential privacy epsilon 5, delta 0.0021" in " ".join(page.split())


def test_without_public_bounds_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    given = ("--data", data, *LABEL, "--epsilon", "8", "--bounds", "V1=-10:10", "--out", tmp_path / "model")
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", *given)
    assert status == 2
    assert "missing: Time, V2, Amount" in said
    assert list(tmp_path.iterdir()) == [data]


WRONG = {
    "0": "--epsilon: 0; allowed: 0.01 to 1,000",
    "-1": "--epsilon: -1; allowed: 0.01 to 1,000",
    "nan": "--epsilon: 'nan' is not a number; allowed: digits 0 to 9 with a point",
    "inf": "--epsilon: 'inf' is not a number; allowed: digits 0 to 9 with a point",
    "strong": "--epsilon: 'strong' is not a number; allowed: digits 0 to 9 with a point",
    "": "--epsilon: '' is not a number; allowed: digits 0 to 9 with a point",
}


@pytest.mark.parametrize("epsilon", WRONG)
def test_an_epsilon_that_cannot_be_is_refused(
    epsilon: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    given = ("--data", data, *FIT, "--epsilon", epsilon, "--out", tmp_path / "model")
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", *given)
    assert status == 2
    assert WRONG[epsilon] in said
    assert list(tmp_path.iterdir()) == [data]


@pytest.mark.slow
def test_an_epsilon_that_no_noise_keeps_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(tmp_path / "data.csv", frame())
    given = (
        "--data",
        data,
        *FIT,
        "--epochs",
        "3",
        "--epsilon",
        "0.01",
        "--delta",
        "1e-12",
        "--out",
        tmp_path / "model",
    )
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", *given)
    assert status == 2
    assert f"{data}: no noise keeps 48 steps to epsilon 0.01 with delta 1e-12; needed: a larger one of the two" in said
    assert list(tmp_path.iterdir()) == [data]
