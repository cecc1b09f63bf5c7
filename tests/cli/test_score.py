"""`fraud score` on a person's file: the scores of the batch jobs, with the words for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.person_files import CARD, KEY, csv, fraud
from tests.sagemaker_src.scored_world import write_model

KEPT = ("transaction_id", "cc_num", "category", "amount_cents")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


def test_a_file_is_scored(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my rows.csv").write_text(csv(8))
    out = tmp_path / "scores"
    for reasons in ("none", "as-streamed"):  # what an earlier run wrote is replaced
        given = ("--data", tmp_path / "my rows.csv", "--model", model, "--out", out, "--reasons", reasons)
        status, said_last = fraud(monkeypatch, capsys, "score", *given)
        assert status == 0
    assert "8 transactions scored by model hard: " in said_last
    rows = pq.read_table(out / "scores.parquet").to_pylist()
    assert [row["transaction_id"] for row in rows] == [f"id{number}" for number in range(8)]
    assert all(row["reasons"].count("; ") == 2 for row in rows)
    said = json.loads((out / "summary.json").read_text())
    assert (said["set"], said["rows"], said["scored"]) == ("my rows", 8, 8)
    assert len((out / "scores.csv").read_text().splitlines()) == 9
    assert all(CARD.encode() not in path.read_bytes() for path in out.iterdir())


def test_the_archive_is_looked_back_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str | Path) -> int:
        return fraud(monkeypatch, capsys, *arguments)[0]

    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "early.csv").write_text(csv(5))
    (tmp_path / "late.csv").write_text("\n".join([csv(8).splitlines()[0], *csv(8).splitlines()[6:]]) + "\n")
    (tmp_path / "whole.csv").write_text(csv(8))
    key = ("--token-key-file", tmp_path / "key", "--model", model)
    assert run("features", "--data", tmp_path / "early.csv", "--out", tmp_path / "early", *key[:2]) == 0
    # rows of features name the clock in milliseconds; the archive has a moment
    early = pq.read_table(tmp_path / "early" / "features.parquet", columns=[*KEPT, "event_ms"])
    moments = early["event_ms"].cast("timestamp[ms]")
    (tmp_path / "archive").mkdir()
    pq.write_table(
        early.drop_columns("event_ms").append_column("event_time", moments), tmp_path / "archive" / "a.parquet"
    )
    found = {}
    for name, more in {"whole": (), "late": ("--archive", tmp_path / "archive")}.items():
        assert run("score", "--data", tmp_path / f"{name}.csv", "--out", tmp_path / f"{name} scores", *key, *more) == 0
        found[name] = pq.read_table(tmp_path / f"{name} scores" / "scores.parquet").to_pylist()
    assert found["whole"][5:] == found["late"]
    assert run("score", "--data", tmp_path / "late.csv", "--out", tmp_path / "alone", *key) == 0
    assert pq.read_table(tmp_path / "alone" / "scores.parquet").to_pylist() != found["late"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--model": "nowhere"}, "--model: nowhere holds no manifest.json; `fraud train` writes one"),
        ({"--archive": "nowhere"}, "--archive: nowhere is no folder"),
        ({"--data": "nowhere.csv"}, "nowhere.csv"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    changed: dict[str, str],
    says: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "f.csv").write_text(csv(3))
    given = {"--data": str(tmp_path / "f.csv"), "--model": str(model), "--out": str(tmp_path / "out"), **changed}
    status, said = fraud(monkeypatch, capsys, "score", *[part for pair in given.items() for part in pair])
    assert status == 2 and says in said
    assert not (tmp_path / "out").exists()


def test_the_model_in_the_folder_of_an_evaluation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.csv").write_text(csv(3))
    inside = tmp_path / "evaluation" / "model"
    inside.mkdir(parents=True)
    (inside / "manifest.json").write_text("{}")
    given = ("--data", str(tmp_path / "f.csv"), "--model", str(inside.parent), "--out", str(tmp_path / "out"))
    status, said = fraud(monkeypatch, capsys, "score", *given)
    assert status == 2 and said.endswith(f"; {inside} does")
