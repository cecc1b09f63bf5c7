"""A person's columns may be called anything: none is taken for one of ours, and as many rows come out as went in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cli.features
from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.row_counts import RowCountError
from sagemaker_src.processing import batch_features, nightly
from sagemaker_src.processing.batch_features import engine, load, write_features
from tests.cli.person_files import frame, fraud, read
from tests.sagemaker_src.test_nightly import rows as archived
from tests.sagemaker_src.test_nightly import write

OURS = (
    *("row", "day", "hour", "event_ms", "event_time", "clock_ms", "zone", "to_ms", "from_ms", "of_zone", "repeated", "skipped"),
    *("transaction_id", "amount_cents", "token", "card_number", "card", "cards", "tokens", "raw", "timed", "tx", "clocks"),
    *("transactions", "curated", "features", "stream_features", "amt_number", "merch_lat_number", "n", "cents", "max_cents"),
    *("filename", "file_row_number", "file_index", "rowid", "file_name", "c0", "c1", "c5", "f", "r", "s", "t", "w", "k"),
    *("landing", "landed", "arrived", "arrival", "to_add", "is_fraud_1", "amt_1", "label", "score", "index", "level_0"),
    *("daily_card", "nightly_card", "source_10m", "__index_level_0__", "trans_time", "habits", "cut_ms", "reject_errors"),
    *names(STREAM_FEATURES),
    *names(NIGHTLY_FEATURES),
)  # fmt: skip
"""Every name that a step on the way has for something of its own."""


def _written(frame_of: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame_of.to_csv(path, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame_of, preserve_index=False), path)
    return path


def _features(monkeypatch: Any, capsys: Any, file: Path, out: Path) -> list[dict[str, Any]]:
    key = out.with_name("key")
    key.write_bytes(b"0123456789abcdef")
    status, said = fraud(monkeypatch, capsys, "features", "--data", file, "--out", out, "--token-key-file", key)
    assert status == 0, said
    return pq.read_table(out / "features.parquet").sort_by("transaction_id").to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_no_name_of_a_persons_column_meets_one_of_ours(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = frame(60)
    # values that would multiply or lose rows, wherever they are joined on
    own = pd.DataFrame({name: [place % 3 for place in range(60)] for name in OURS})
    wanted = _features(monkeypatch, capsys, _written(plain, tmp_path / f"plain{suffix}"), tmp_path / "plain")
    both = pd.concat([own, plain], axis=1)
    found = _features(monkeypatch, capsys, _written(both, tmp_path / f"own{suffix}"), tmp_path / "own")
    assert len(wanted) == 60
    assert found == wanted


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_called_row_multiplies_nothing(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _written(frame(24).rename(columns={"Unnamed: 0": "row"}).assign(row=[1, 2] * 12), tmp_path / f"own{suffix}")
    assert len(_features(monkeypatch, capsys, file, tmp_path / "out")) == 24


def test_the_training_sets_program_reads_its_own_columns_alone(tmp_path: Path) -> None:
    given = [row | {"is_fraud": place % 2} for place, row in enumerate(archived(days=9, count=200))]
    plain = write(tmp_path / "plain", given)
    own = write(tmp_path / "own", given)
    table = pq.read_table(own / "part.parquet")
    for name in OURS:
        if name not in table.column_names:
            table = table.append_column(name, pa.array([1] * len(given)))
    pq.write_table(table, own / "part.parquet")
    found = []
    for folder in (plain, own):
        out = tmp_path / f"{folder.name}.parquet"
        assert batch_features.main(["--transactions", str(folder), "--out", str(out)]) == 0
        found.append(pq.read_table(out).sort_by("transaction_id").to_pylist())
    assert len(found[0]) == len(given)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.append_column("category", table["category"]), "the column category is there twice"),
        (lambda table: table.append_column("Amount_Cents", table["amount_cents"]), "the column Amount_Cents is there twice"),
        (lambda table: table.drop_columns("category"), "lacks the columns category"),
    ],
)  # fmt: skip
def test_the_training_sets_program_names_a_column_that_is_twice_or_missing(
    change: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "in", archived(days=3, count=20)) / "part.parquet"
    pq.write_table(change(pq.read_table(file)), file)
    with pytest.raises(SystemExit):
        batch_features.main(["--transactions", str(file), "--out", str(tmp_path / "out.parquet")])
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_a_transaction_that_is_there_twice_is_an_error_and_not_four_rows(tmp_path: Path) -> None:
    given = archived(days=3, count=20)
    file = write(tmp_path / "in", [*given, given[0]]) / "part.parquet"
    with engine() as connection:
        source = f"read_parquet('{file}')"
        load(connection, source)
        batch_features.compute(connection)
        with pytest.raises(RowCountError, match=f"{len(given) + 1} rows in, {len(given) + 3} out"):
            write_features(connection, source, tmp_path / "out.parquet")


def test_a_step_that_multiplies_rows_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    computed = cli.features.compute

    def doubled(connection: Any, *rest: Any) -> None:
        computed(connection, *rest)
        connection.execute("CREATE TABLE once AS FROM features")
        connection.execute("CREATE OR REPLACE VIEW features AS FROM once UNION ALL FROM once")

    monkeypatch.setattr(cli.features, "compute", doubled)
    file = _written(frame(24), tmp_path / "t.csv")
    status, said = fraud(monkeypatch, capsys, "features", "--data", file, "--out", tmp_path / "out")
    assert (status, "24 rows in, 48 out; nothing is written" in said) == (1, True)
    assert list(tmp_path.iterdir()) == [file]


def test_a_night_that_multiplies_rows_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = nightly.training_sql()
    monkeypatch.setattr(nightly, "training_sql", lambda _: f"({once}) UNION ALL ({once})")
    given = archived(days=5, count=50)
    folders = {name: str(tmp_path / name) for name in ("transactions", "daily", "daily-out", "training-out")}
    write(Path(folders["transactions"]), given)
    with pytest.raises(RowCountError, match=f"{len(given)} rows in, {2 * len(given)} out"):
        nightly.main(["--cut", "2026-01-06", *(part for name, at in folders.items() for part in (f"--{name}", at))])
    assert not Path(folders["training-out"]).exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_files_name_is_no_pattern(suffix: str, tmp_path: Path) -> None:
    """`data[1].csv`, as a browser names a second download, is not read as data1.csv."""
    _written(frame(9), tmp_path / f"data1{suffix}")
    for name in ("data[1]", "what?", "all*", "o'hara"):
        file = _written(frame(4), tmp_path / f"{name}{suffix}")
        assert read(file)[0].transactions == 4
