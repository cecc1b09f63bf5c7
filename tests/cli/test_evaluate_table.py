"""`fraud evaluate --label`: a table without cards or times."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.table import MOST_CATEGORIES, Table, train_table, usable
from tests.cli.person_files import CARD, fraud

ROWS = 900
FEW = TrainingSettings(rounds=12, label_delay_days=0)


def table(rows: int = ROWS) -> pd.DataFrame:
    """Frauds are where `V1` is high in shops of the kind `web`; `Time` goes down the file."""
    draws = np.random.default_rng(5)
    made = pd.DataFrame(
        {
            "Time": np.arange(rows)[::-1] * 10.0,
            "V1": draws.normal(size=rows),
            "kind": draws.choice(["web", "shop", "atm"], rows),
            "Amount": draws.integers(1, 500, rows) / 4,
        }
    )
    return made.assign(Class=((made["V1"] > 0.8) & (made["kind"] == "web")).astype(int))


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str | Path) -> tuple[int, str]:
    monkeypatch.setattr("cli.evaluate_table.TrainingSettings", lambda **given: TrainingSettings(rounds=12, **given))
    return fraud(monkeypatch, capsys, "evaluate", *options)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_the_last_rows_by_a_column_are_tested_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / f"t.{kind}", tmp_path / "out"
    {"csv": lambda: table().to_csv(path, index=False), "parquet": lambda: table().to_parquet(path),
     "jsonl": lambda: table().to_json(path, orient="records", lines=True)}[kind]()  # fmt: skip
    options = ("--data", path, "--label", "Class", "--order-by", "Time", "--out", out)
    status, said = run(monkeypatch, capsys, *options)
    assert status == 0, said
    assert "Tested on 180 rows" in said and "tested on the last 20% of the rows, in the order of Time" in said
    scores = pd.read_parquet(out / "scores.parquet")
    assert scores["row"].tolist() == list(range(1, 181))  # the file's first rows are its latest
    assert scores["is_fraud"].tolist() == table()["Class"][:180].tolist()
    manifest = json.loads((out / "model" / "manifest.json").read_text())
    assert manifest["feature_names"] == ["V1", "kind", "Amount"]
    assert manifest["categories"] == {"kind": ["atm", "shop", "web"]}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["average_precision"] > 0.95
    assert not any("first_fraud" in name or "cards" in name for name in metrics)
    page = (out / "report.html").read_text()
    assert "tested on the last 20% of the rows, in the order of Time" in page
    assert "Without cards" not in page and "first fraud" not in page


def test_without_an_order_the_seed_draws_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    table().drop(columns="Time").assign(Class=np.where(table()["Class"] == 1, "yes", "no")).to_csv(path, index=False)
    drawn = []
    for seed in ("3", "3", "4"):
        options = ("--data", path, "--label", "Class", "--positive", "yes", "--seed", seed, "--out", tmp_path / "out")
        status, said = run(monkeypatch, capsys, *options)
        assert status == 0, said
        sentence = f"tested on 20% of the rows, drawn at random by the seed {seed}, rows that are alike together"
        assert sentence in said and sentence in (tmp_path / "out" / "report.html").read_text()
        drawn.append(pd.read_parquet(tmp_path / "out" / "scores.parquet")["row"].tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert 120 < len(drawn[0]) < 240


def test_rows_that_are_alike_are_never_on_both_sides() -> None:
    given = table(300).drop(columns="Time")
    twice = pd.concat([given, given], ignore_index=True)
    made = train_table(Table(twice.drop(columns="Class"), twice["Class"].to_numpy(), None), FEW)
    tested = set(made.scores["row"])
    assert tested and {row + 300 for row in tested if row <= 300} == {row for row in tested if row > 300}


def test_rows_of_one_moment_are_never_on_both_sides() -> None:
    given = table(400)
    order = given["Time"] // 500
    made = train_table(Table(given[["V1", "kind"]], given["Class"].to_numpy(), order), FEW)
    tested = order[made.scores["row"] - 1]
    assert set(tested).isdisjoint(order.drop(tested.index))
    assert tested.min() > order.drop(tested.index).max()


def test_a_category_that_only_the_test_has_is_missing_and_none_of_it_is_in_the_model() -> None:
    given = table(400).assign(kind=lambda rows: rows["kind"].where(rows["Time"] < 3500, "new"))
    made = train_table(Table(given[["V1", "kind"]], given["Class"].to_numpy(), given["Time"]), FEW)
    assert made.manifest["categories"] == {"kind": ["atm", "shop", "web"]}


def test_numbers_flags_and_few_texts_are_features() -> None:
    given = pd.DataFrame(
        {
            "number": [1.5, None] * 300,
            "flag": [True, False] * 300,
            "text": ["a", "b"] * 300,
            "same": 7,
            "sometimes": [7.0, None] * 300,
            "when": pd.date_range("2020-01-01", periods=600),
            "name": [f"n{row % (MOST_CATEGORIES + 1)}" for row in range(600)],
        }
    )
    assert usable(given) == (["number", "flag", "text", "sometimes"], ["same", "when", "name"])


WRONG: dict[str, tuple[str, ...]] = {
    "Klass: no such column; there are Amount, Class, Time": ("--label", "Klass"),
    "Class: no row is yes; there are ": ("--label", "Class", "--positive", "yes"),
    "--order-by: ": ("--label", "Class", "--order-by", "kind"),
    "has no column 'time'; allowed: 'Time', 'V1'": ("--label", "Class", "--order-by", "time"),
    "--columns: not with --label; allowed with it: --positive": ("--label", "Class", "--columns", "handbook"),
    "--timezone: not with --label": ("--label", "Class", "--timezone", "UTC"),
    "--test-from: not with --label": ("--label", "Class", "--test-from", "2020-01-01"),
    "--order-by, --without: only with --label": ("--order-by", "Time"),
    "the validation rows hold 0 frauds of ": ("--label", "Class", "--order-by", "V1"),
}


@pytest.mark.parametrize("says", WRONG)
def test_what_is_wrong_is_said(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = table(200)
    given["V1"] = -given["V1"].where(given["Class"] == 0, given["V1"] + 9)
    given.to_csv(tmp_path / "t.csv", index=False)
    status, said = run(monkeypatch, capsys, "--data", tmp_path / "t.csv", *WRONG[says], "--out", tmp_path / "out")
    assert (status, says in said) == (2, True), said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"card": CARD}, "card: holds card numbers, which nobody may learn; leave it out: --without card"),
        ({"V1": None}, "row 7: column V1: missing; needed: a value in each row, to order them by"),
        (
            {"V2": ["69,18", "7,00"] * 100},
            "row 1: column V2: '69,18' is a number written as text, as is all of the column; ",
        ),
        ({"a<b": [1, 2] * 100}, "the column 'a<b': no name of a feature; allowed: names without [, ] and <"),
    ],
)
def test_a_table_that_cannot_be_learned_of_is_refused(
    change: dict[str, object],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = table(200).assign(**{name: value for name, value in change.items() if value is not None})
    if None in change.values():
        given.loc[6, "V1"] = None
    given.to_csv(tmp_path / "t.csv", index=False)
    options = ("--data", tmp_path / "t.csv", "--label", "Class", "--order-by", "V1", "--out", tmp_path / "out")
    status, said = run(monkeypatch, capsys, *options)
    assert (status, says in said) == (2, True), said
    assert CARD not in said
