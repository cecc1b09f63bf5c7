"""`fraud synthesize evaluate` and `try`: figures, a page, and a verdict in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cli.synthesize.verdict import show_verdict
from sagemaker_src.synthesis.judging import matching
from sagemaker_src.synthesis.table import labelled
from tests.cli.person_files import fraud
from tests.cli.synthesis_files import contents, fitted, frame, run, written

QUICK = ("--quick", "--resplits", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data.parquet`, a model that learned of it, and `synthetic.csv`, which it made."""
    place = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patched:
        model = fitted(patched, place)
        run(patched, "sample", "--model", model, "--rows", "40", "--out", place / "synthetic.csv")
    return place


def given(folder: Path, out: Path, *options: str) -> tuple[str | Path, ...]:
    files = ("--real", folder / "data.parquet", "--synthetic", folder / "synthetic.csv")
    return (*files, "--model", folder / "model", "--out", out, *QUICK, *options)


@pytest.mark.slow
def test_it_says_in_words_what_the_rows_are_worth(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "quality"
    run(monkeypatch, "evaluate", *given(folder, out, "--time", "Time"))
    said = " ".join(capsys.readouterr().err.split())
    quality = json.loads((out / "quality.json").read_text())
    assert quality["rows"] == {"real_fraud": 40, "trained": 32, "held_out": 8, "honest": 260, "synthetic": 40}
    assert {len(arm["by_time"]) for arm in quality["utility"]["arms"]} == {2}
    assert not quality["utility"]["seen_test_rows"]
    for sentence in quality["verdict"]["sentences"]:
        assert sentence in said
    assert set(contents(out)) == {".made-by-fraud", "quality.json", "report.html"}
    again = tmp_path / "again"
    run(monkeypatch, "evaluate", *given(folder, again, "--time", "Time"))
    assert contents(out) == contents(again)


@pytest.mark.slow
def test_where_none_is_held_out_privacy_is_not_measured_and_not_called_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = fitted(monkeypatch, tmp_path, options=("--held-out", "0"))
    run(monkeypatch, "sample", "--model", model, "--rows", "40", "--out", tmp_path / "synthetic.csv")
    run(monkeypatch, "evaluate", *given(tmp_path, tmp_path / "quality"))
    quality = json.loads((tmp_path / "quality" / "quality.json").read_text())
    assert (quality["rows"]["trained"], quality["rows"]["held_out"]) == (40, 0)
    assert quality["privacy"]["membership_auc"] is None
    assert not quality["verdict"]["safe"]
    assert "not measured" in capsys.readouterr().err


@pytest.mark.slow
def test_rows_of_unknown_origin_are_judged_without_a_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ("--real", folder / "data.parquet", "--synthetic", folder / "synthetic.csv")
    run(monkeypatch, "evaluate", *files, "--label", "Class", "--positive", "1", "--out", tmp_path / "quality", *QUICK)
    quality = json.loads((tmp_path / "quality" / "quality.json").read_text())
    assert quality["utility"]["seen_test_rows"]
    assert not quality["verdict"]["safe"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no label": ({"--model": None}, "--label: missing; needed: it, or the --model that knows it"),
    "no positive": (
        {"--model": None, "--label": "Class"},
        "--positive: missing; needed: it, or the --model that knows it",
    ),
    "another label": ({"--label": "shop"}, "--label: the model learned with Class; leave it out"),
    "another column left out": ({"--without": "shop"}, "--without: the model learned with none; leave it out"),
    "a time that is not there": ({"--time": "when"}, "when: no such column to order the rows by; there are Time, V1"),
    "one resplit": ({"--resplits": "1"}, "1; allowed: 2 to 100"),
    "no model": ({"--model": "nowhere"}, "--model: nowhere holds no fitted generator"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_option_of_evaluate_is_said_in_a_sentence(
    what: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed, sentence = WRONG[what]
    right = {
        "--real": folder / "data.parquet",
        "--synthetic": folder / "synthetic.csv",
        "--model": folder / "model",
        "--out": tmp_path / "quality",
    }
    options = [part for name, value in (right | changed).items() if value is not None for part in (name, value)]
    status, said = fraud(monkeypatch, capsys, "synthesize", "evaluate", *options)
    assert status == 2
    assert sentence in said.replace("│ ", "").replace(" │", "")
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_the_model_did_not_learn_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(tmp_path / "other.csv", frame(seed=2))
    options = ["--real", other, "--synthetic", folder / "synthetic.csv", "--model", folder / "model"]
    status, said = fraud(monkeypatch, capsys, "synthesize", "evaluate", *options, "--out", tmp_path / "quality")
    assert status == 2
    assert f"{other}: the model learned of 40 rows of data.parquet in which Class is 1, and these are others" in said
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def made(**columns: object) -> pd.DataFrame:
    return frame(30, 30, seed=3).assign(**columns)


def test_synthetic_rows_are_taken_in_the_real_ones_form() -> None:
    real = labelled(frame(), "Class", "1")
    rows = matching(made()[["shop", "V1", "V2", "Amount", "Time", "Class"]].astype({"Amount": "int64"}), real)
    assert list(rows) == list(real.rows)
    assert rows.dtypes.tolist() == real.rows.dtypes.tolist()


def test_of_an_augmented_table_the_synthetic_rows_are_judged() -> None:
    real = labelled(frame(), "Class", "1")
    for said in ([True] * 9 + [False] * 21, ["True"] * 9 + ["False"] * 21):
        assert len(matching(made(is_synthetic=said), real)) == 9


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (made().drop(columns=["V1", "shop"]), "the synthetic rows lack the column V1, shop"),
        (made(V1="high"), "V1: holds str in the synthetic rows and float64 in the real ones"),
        (made(is_synthetic=False), "there is no synthetic row; needed: at least one"),
    ],
)
def test_synthetic_rows_of_another_form_are_refused_in_a_sentence(rows: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        matching(rows, labelled(frame(), "Class", "1"))


VERDICT = {
    "limits": [
        {"name": "two_sample_auc", "value": 0.71, "limit": 0.75, "kept": True},
        {"name": "least_gain", "value": -0.02, "limit": -0.005, "kept": False},
        {"name": "membership_auc", "value": None, "limit": 0.6, "kept": False},
    ],
    "helps": "harms",
    "safe": False,
    "sentences": ["It harms here.", "Not shown to be safe to share."],
}


def test_the_verdict_shows_each_limit_and_every_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    gain = {"arm": "synthetic", "split": "by_time", "mean": -0.02, "low": -0.05, "high": 0.01}
    unknown = {**gain, "arm": "smote", "low": None, "high": None}
    show_verdict({"verdict": VERDICT, "utility": {"gains": [gain, unknown]}})
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert any(
        line.startswith("told from real frauds") and line.endswith("0.71   at most 0.75     kept") for line in lines
    )
    assert any("-0.02" in line and "at least -0.005" in line and line.endswith("not kept") for line in lines)
    assert any("at most 0.6" in line and line.endswith("not measured") for line in lines)
    assert lines[-3:-1] == VERDICT["sentences"]
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.slow
def test_the_try_does_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "try"
    run(monkeypatch, "try", "--cards", "50", "--epochs", "10", "--resplits", "2", "--out", out)
    said = " ".join(capsys.readouterr().err.split())
    names = {name.partition("/")[0] for name in contents(out)} - {".made-by-fraud"}
    files = {"data.parquet", "synthetic.csv", "augmented.parquet", "quality.json", "report.html"}
    assert names == files | {"model"}
    quality = json.loads((out / "quality.json").read_text())
    assert quality["verdict"]["sentences"][0] in said
    assert pd.read_parquet(out / "augmented.parquet")["is_fraud"].mean() == pytest.approx(0.05, abs=1e-3)
    assert len(pd.read_csv(out / "synthetic.csv")) == quality["rows"]["synthetic"]


def test_rows_that_are_labelled_as_no_fraud_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = written(tmp_path / "whole.csv", frame())
    files = ("--real", folder / "data.parquet", "--synthetic", whole, "--model", folder / "model")
    status, said = fraud(monkeypatch, capsys, "synthesize", "evaluate", *files, "--out", tmp_path / "quality", *QUICK)
    assert status == 2
    assert f"{whole}: Class: 260 of 300 rows are not 1; needed: synthetic frauds alone" in said
    assert not (tmp_path / "quality").exists()


def test_a_column_that_is_no_time_is_told_before_anything_is_measured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "evaluate", *given(folder, tmp_path / "quality", "--time", "shop")
    )
    assert status == 2
    assert "time column shop: " in said
    assert "allowed: numbers, or dates and times" in said
    assert "comparing distributions" not in said
    assert "UserWarning" not in said
