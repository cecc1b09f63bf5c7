"""`fraud world` writes whole folders only, says what it wrote, and refuses bad values with what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

import cli.world
from fraud.transaction import card_token, parse_transaction
from reading.errors import BadInputError

SMALL = ["--cards", "60", "--days", "8"]
app = typer.Typer()
app.command()(cli.world.world)


def _run(*options: str | Path) -> None:
    CliRunner().invoke(app, [str(option) for option in options], catch_exceptions=False)


def test_it_writes_transactions_stream_and_summary(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    out = tmp_path / "world"
    _run(*SMALL, "--out", out, "--stream-days", "2", "--token-key-file", key)
    table = pq.read_table(out / "transactions.parquet")
    summary = json.loads((out / "world.json").read_text())
    messages = (out / "stream.jsonl").read_bytes().splitlines()
    assert table.num_rows == summary["transactions"] == sum(summary["by_pattern"].values())
    assert summary["settings"]["start"] == "2026-01-01" and summary["settings"]["cards"] == 60
    last = table.filter(table["trans_date_trans_time"].to_numpy() >= np.datetime64("2026-01-07"))
    assert len(messages) == summary["stream_messages"] == last.num_rows > 0
    numbers = last["cc_num"].to_pylist()
    assert [parse_transaction(message).cc_num for message in messages] == [
        card_token(number, key.read_bytes()) for number in numbers
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "world"]


def test_csv_holds_the_same_rows_and_the_same_seed_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _run(*SMALL, "--out", tmp_path / name, "--format", "csv", "--stream-days", "0")
    assert (tmp_path / "a/transactions.csv").read_bytes() == (tmp_path / "b/transactions.csv").read_bytes()
    assert not (tmp_path / "a/stream.jsonl").exists()
    _run(*SMALL, "--out", tmp_path / "c", "--stream-days", "0")
    text, columns = pacsv.read_csv(tmp_path / "a/transactions.csv"), pq.read_table(tmp_path / "c/transactions.parquet")
    assert text.column_names == columns.column_names
    assert text["amt"].to_pylist() == columns["amt"].to_pylist()
    assert text["trans_num"].to_pylist() == columns["trans_num"].to_pylist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cards", "0"], "--cards: 0; allowed: 1 to 200,000"),
        (["--fraud-rate", "0.5"], "--fraud-rate: 0.5; allowed: 0 to 0.1"),
        (["--start", "yesterday"], "--start: 'yesterday' is not a date; allowed: a date from 2000-01-01"),
        (["--stream-days", "9"], "--stream-days: 9; allowed: 0 to 8"),
        (["--full"], "--full: sets 10,000 cards"),
        (["--token-key-file", "absent"], "--token-key-file: absent: there is no such file"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(tmp_path: Path, options: list[str], said: str) -> None:
    with pytest.raises(BadInputError) as caught:
        _run(*SMALL, "--out", tmp_path / "world", *options)
    assert str(caught.value).startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_a_key_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(BadInputError, match="holds 5 bytes; allowed: 16 or more"):
        _run(*SMALL, "--out", tmp_path / "world", "--token-key-file", tmp_path / "key")


@pytest.mark.parametrize("stop", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_run_cut_short_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, force: list[str]
) -> None:
    out = tmp_path / "world"
    _run(*SMALL, "--out", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def cut_short(*_: object) -> int:
        raise stop

    monkeypatch.setattr(cli.world, "_write_stream", cut_short)
    with pytest.raises((OSError, KeyboardInterrupt)):
        cli.world.world(out=out, cards=50, days=8, **({"force": True} if force else {}))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_a_folder_of_others_is_replaced_only_by_force(tmp_path: Path) -> None:
    out = tmp_path / "theirs"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(BadInputError, match="holds files that no earlier run wrote"):
        _run(*SMALL, "--out", out)
    assert (out / "letter.txt").read_text() == "dear"
    _run(*SMALL, "--out", out, "--force")
    assert not (out / "letter.txt").exists()
    assert (out / "world.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_force_never_removes_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="holds the working or the home folder"):
        _run(*SMALL, "--out", tmp_path, "--force")
