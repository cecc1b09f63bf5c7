"""`fraud synthesize sample` and `augment`: exactly so many rows, in the table's columns, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cli.plain_table import read_table
from sagemaker_src.synthesis import sampling
from tests.cli.person_files import fraud
from tests.cli.synthesis_files import contents, fitted, frame, run, written


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned of `frame()`, in the file beside it."""
    with pytest.MonkeyPatch.context() as patched:
        return fitted(patched, tmp_path_factory.mktemp("fitted"))


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_exactly_so_many_rows_come_out(
    rows: int, kind: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"rows.{kind}"
    run(monkeypatch, "sample", "--model", model, "--rows", str(rows), "--out", out)
    made = read_table(out)
    assert len(made) == rows
    assert list(made.columns) == list(frame().columns)
    assert set(made["Class"]) == {1}
    assert set(made["shop"]) <= {"web", "store", "kiosk"}
    assert (made["Amount"] >= 0).all()
    assert (made["Amount"].mul(100).round(6) % 1 == 0).all()
    assert made["Time"].dtype == "int64"


def test_pieces_make_one_table(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_PIECE", 30)
    for name in ("rows.csv", "rows.parquet"):
        run(monkeypatch, "sample", "--model", model, "--rows", "100", "--out", tmp_path / name)
    made = read_table(tmp_path / "rows.csv")
    assert len(made) == 100
    assert not made[:30].equals(made[30:60].reset_index(drop=True))
    pd.testing.assert_frame_equal(made, read_table(tmp_path / "rows.parquet"))


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_the_same_seed_gives_the_same_bytes(
    name: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for place, seed in enumerate(("5", "5", "6")):
        out = tmp_path / str(place) / name
        run(monkeypatch, "sample", "--model", model, "--rows", "50", "--seed", seed, "--out", out)
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_a_file_that_is_there_is_replaced_only_if_so_asked(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.csv"
    out.write_text("mine")
    given = ("--model", model, "--rows", "3", "--out", out)
    status, said = fraud(monkeypatch, capsys, "synthesize", "sample", *given)
    assert (status, out.read_text()) == (2, "mine")
    assert f"--out: {out} is there already; name another file, or replace it with --force" in said
    run(monkeypatch, "sample", *given, "--force")
    assert len(read_table(out)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_what_was_written_half_is_gone(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_PIECE", 10)
    made = sampling.labelled_as_learned

    def interrupted(rows: pd.DataFrame, fitted: sampling.Fitted) -> pd.DataFrame:
        monkeypatch.setattr(sampling, "labelled_as_learned", _interrupt)
        return made(rows, fitted)

    monkeypatch.setattr(sampling, "labelled_as_learned", interrupted)
    with pytest.raises(SystemExit, match="130"):
        run(monkeypatch, "sample", "--model", model, "--rows", "30", "--out", tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--rows", "0"), "0; allowed: 1 to 100,000,000"),
        (("--rows", "many"), "'many' is not a whole number"),
        (("--out", "rows.xlsx"), "--out: rows.xlsx ends with '.xlsx'; allowed: .csv or .parquet"),
        (("--model", "nowhere"), "--model: nowhere holds no fitted generator (fitted.json)"),
    ],
)
def test_a_wrong_option_of_sample_is_said_in_a_sentence(
    given: tuple[str, str],
    sentence: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    right = {"--model": str(model), "--rows": "3", "--out": "rows.csv"} | dict([given])
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "sample", *(each for pair in right.items() for each in pair)
    )
    assert status == 2
    assert sentence in said.replace("│ ", "").replace(" │", "")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "model"
    other.mkdir()
    for name, content in contents(model).items():
        (other / name).write_bytes(content if name == "fitted.json" else content[: len(content) // 2])
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "sample", "--model", other, "--rows", "3", "--out", tmp_path / "rows.csv"
    )
    assert status == 2
    assert f"--model: {other}" in said
    assert not (tmp_path / "rows.csv").exists()


@pytest.mark.parametrize(("to", "frauds"), [("balance", 260), ("0.3", 111), ("0.5", 260), ("25", 65), ("1", 41)])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_augmented_to_what_is_asked(
    to: str, frauds: int, kind: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = written(tmp_path / f"data.{kind}", frame()), tmp_path / f"out.{kind}"
    run(monkeypatch, "augment", "--data", data, "--model", model, "--to", to, "--out", out)
    both = read_table(out)
    made = both["is_synthetic"].astype(str).str.lower() == "true"
    pd.testing.assert_frame_equal(both[~made].drop(columns="is_synthetic"), read_table(data))
    assert made.tolist() == sorted(made)
    assert both["Class"].sum() == frauds
    assert set(both["Class"][made]) == {1}
    if to.startswith("0."):
        assert abs(both["Class"].sum() - float(to) * len(both)) < 1


def test_columns_that_were_left_out_are_empty_in_synthetic_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = frame().assign(id=range(10**17, 10**17 + 300), name=[f"n{row}" for row in range(300)])
    model = fitted(monkeypatch, tmp_path, table=table, options=("--without", "id", "--without", "name"))
    out = tmp_path / "out.csv"
    run(monkeypatch, "augment", "--data", tmp_path / "data.parquet", "--model", model, "--to", "5", "--out", out)
    lines = out.read_text().splitlines()
    assert lines[0] == ",".join([*table.columns, "is_synthetic"])
    assert lines[1].endswith(f",{10**17},n0,False")
    assert lines[-1].endswith(",1,,,True")


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("0.1", "--to: to 0.1: 40 of the 300 rows are fraud already, 0.1333 of all; allowed: a larger share"),
        ("0", "--to: to 0: 40 of the 300 rows are fraud already"),
        (
            "half",
            "--to: to half: allowed: balance, the share of fraud among all rows, as 0.05, or how many rows to add, as 500",
        ),
        ("1.5", "allowed: balance, the share of fraud"),
        ("-3", "allowed: balance, the share of fraud"),
        ("1e-1", "allowed: balance, the share of fraud"),
        ("nan", "allowed: balance, the share of fraud"),
    ],
)
def test_a_share_that_cannot_be_reached_is_said_in_a_sentence(
    to: str,
    sentence: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.csv"
    data = model.parent / "data.parquet"
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "augment", "--data", data, "--model", model, f"--to={to}", "--out", out
    )
    assert (status, out.exists()) == (2, False)
    assert sentence in said


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (frame().drop(columns="V2"), "the column V2 is missing; needed: the columns that the model learned"),
        (frame().assign(is_synthetic=False), "the column is_synthetic is there already"),
        (frame().rename(columns={"Class": "label"}), "Class: no such column"),
        (frame().assign(Class=0), "Class: no row is 1"),
    ],
)
def test_a_table_that_the_model_does_not_fit_is_refused(
    spoilt: pd.DataFrame,
    sentence: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = written(tmp_path / "data.csv", spoilt), tmp_path / "out.csv"
    status, said = fraud(
        monkeypatch, capsys, "synthesize", "augment", "--data", data, "--model", model, "--to", "5", "--out", out
    )
    assert (status, out.exists()) == (2, False)
    assert f"{data}: {sentence}" in said
