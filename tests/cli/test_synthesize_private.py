"""`fraud synthesize fit --epsilon` to its verdict: differential privacy by the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.reading.plain_table import read_table
from tests.cli.person_files import fraud
from tests.cli.synthesis_files import fitted, frame, run, written

BOUNDS = {"Time": (0, 200_000), "V1": (-10, 10), "V2": (-10, 10), "Amount": (0, 20_000)}
GIVEN = tuple(word for name, (low, high) in BOUNDS.items() for word in ("--bounds", f"{name}={low}:{high}"))


@pytest.mark.slow
def test_a_private_model_says_its_epsilon_and_keeps_to_the_public_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--generator", "wgan", "--epsilon", "8", "--epochs", "2", *GIVEN)
    model = fitted(monkeypatch, tmp_path, options=options)
    said = json.loads((model / "fitted.json").read_text())["settings"]
    assert (said["epsilon"], said["bounds"]["Amount"]) == (8.0, [0.0, 20_000.0])
    out, quality = tmp_path / "rows.csv", tmp_path / "quality"
    run(monkeypatch, "sample", "--model", model, "--rows", "60", "--out", out)
    rows = read_table(out)
    assert len(rows) == 60
    for name, (low, high) in BOUNDS.items():
        assert rows[name].dropna().between(low, high).all()
    files = ("--real", tmp_path / "data.parquet", "--synthetic", out, "--model", model, "--out", quality)
    run(monkeypatch, "evaluate", *files, "--quick", "--resplits", "2")
    assert "epsilon 8.0" in (quality / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--epsilon", "0"), "0; allowed: 0.01 to 1,000"),
        (("--epsilon", "-1"), "-1; allowed: 0.01 to 1,000"),
        (("--epsilon", "small"), "'small' is not a number; allowed: digits 0 to 9 with a point, as 0.001"),
        (("--epsilon", "8", "--bounds", "V1=-10:10"), "missing: Time, V2, Amount"),
    ],
)
def test_an_epsilon_that_cannot_be_kept_is_refused_in_a_sentence(
    given: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = written(tmp_path / "data.csv", frame())
    options = ("--data", data, "--label", "Class", "--positive", "1", "--out", tmp_path / "model", *given)
    status, said = fraud(monkeypatch, capsys, "synthesize", "fit", *options)
    assert status == 2
    assert sentence in said.replace("│ ", "").replace(" │", "")
    assert list(tmp_path.iterdir()) == [data]
