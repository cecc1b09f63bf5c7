"""From a file to a model that is evaluated: `fraud world`, `features`, `train` and `evaluate`, one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fraud.vector import MODEL_FEATURES
from sagemaker_src.serving.inference import model_fn
from tests.cli.person_files import fraud


@pytest.mark.slow
def test_each_step_takes_what_the_one_before_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(verb: str, *options: str | Path) -> str:
        status, said = fraud(monkeypatch, capsys, verb, *options, "--out", tmp_path / verb)
        assert status == 0, said
        return said

    run("world", "--cards", "60", "--days", "35", "--fraud-rate", "0.02", "--format", "csv")
    file = tmp_path / "world" / "transactions.csv"
    rows = sum(1 for _ in file.open()) - 1

    run("features", "--data", file, "--cut", "2026-02-01")
    features = pq.read_table(tmp_path / "features" / "features.parquet")
    assert features.num_rows == rows
    assert len(set(features["transaction_id"].to_pylist())) == rows
    assert "cc_num" in features.column_names
    assert not any(len(token) != 32 for token in features["cc_num"].to_pylist()), "tokens, no card numbers"

    run("train", "--features", tmp_path / "features" / "features.parquet", "--rounds", "20")
    manifest = model_fn(str(tmp_path / "train")).manifest
    assert manifest["feature_names"] == list(MODEL_FEATURES)
    assert manifest["thresholds"]["review"] <= manifest["thresholds"]["block"]

    run("evaluate", "--data", file)
    assert "average precision" in (tmp_path / "evaluate" / "report.html").read_text().lower()
    for folder in ("world", "features", "train", "evaluate"):
        assert json.loads((tmp_path / folder / ".made-by-fraud").read_text())["command"] == folder


@pytest.mark.parametrize("verb", ["demo", "world"])
def test_an_output_that_is_a_file_is_refused_before_anything_is_done(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("mine")
    status, said = fraud(monkeypatch, capsys, verb, "--out", tmp_path / "taken")
    assert (status, "is a file" in said) == (2, True), said
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_demo_of_no_transactions_is_refused_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, allowed in (("--transactions", "0", "100"), ("--duplicates", "2", "0.5"), ("--rate", "0", "1")):
        status, said = fraud(monkeypatch, capsys, "demo", option, value, "--out", tmp_path / "out")
        assert (status, option in said, allowed in said) == (2, True, True), said
    assert not (tmp_path / "out").exists()
