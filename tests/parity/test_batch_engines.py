"""DuckDB and Spark against the naive loops, bit for bit: on the adversarial rows and on random tables."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.features.catalogue import Catalogue
from sagemaker_src.processing import batch_features
from tests.parity.adversarial import adversarial_rows
from tests.parity.further import FURTHER, FURTHER_HABITS, FURTHER_WINDOWS, PROGRAM
from tests.parity.naive import WINDOWS, NaiveWindow, naive_stream_features
from tests.parity.naive_nightly import naive_nightly_features

START = 1_767_225_600_000
CATEGORIES = ("travel", "grocery_pos", "misc_net")


def write(rows: list[dict], path: Path) -> Path:
    table = pa.Table.from_pylist(rows)
    moments = table["event_ms"].cast(pa.timestamp("ms", "UTC"))
    pq.write_table(table.append_column("event_time", moments).drop_columns("event_ms"), path)
    return path


def on_duckdb(curated: Path, out: Path) -> dict[str, dict]:
    assert batch_features.main(["--transactions", str(curated), "--out", str(out)]) == 0
    return {row["transaction_id"]: row for row in pq.read_table(out).to_pylist()}


def further_on_duckdb(curated: Path, catalogue: Catalogue = FURTHER) -> dict[str, dict]:
    """The features of another catalogue than the product's."""
    source = f"read_parquet('{curated}')"
    with batch_features.engine() as connection:
        batch_features.load(connection, source, catalogue=catalogue)
        batch_features.compute(connection, catalogue=catalogue)
        select = batch_features.features_select(source, ("category",), catalogue=catalogue)
        return {row["transaction_id"]: row for row in connection.sql(select).to_arrow_table().to_pylist()}


def on_spark(
    curated: Path, folder: Path, program: Path = ROOT / "glue_scripts" / "batch_features.py"
) -> dict[str, dict]:
    run_spark(program, ["--transactions", curated, "--out", folder / "out"], folder)
    return {row["transaction_id"]: row for row in pq.read_table(folder / "out").to_pylist()}


def same_stream_features(found: dict[str, dict], rows: list[dict], windows: tuple[NaiveWindow, ...] = WINDOWS) -> None:
    assert len(found) == len(rows)
    for wanted in naive_stream_features(rows, windows):
        row = found[wanted["transaction_id"]]
        assert all(row[name] == value for name, value in wanted.items()), (row, wanted)


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """200,000 hard rows; once in the file, as the archive holds them after deduplication."""
    rows = adversarial_rows(200_000, START)
    folder = tmp_path_factory.mktemp("hard")
    curated = write(rows, folder / "curated.parquet")
    return rows, curated, on_duckdb(curated, folder / "features.parquet")


def test_duckdb_equals_the_naive_loop(hard):
    rows, _, found = hard
    same_stream_features(found, rows)


@pytest.mark.slow
def test_duckdb_equals_the_naive_loop_by_keys_that_rows_lack(hard):
    rows, curated, _ = hard
    windows = Catalogue(windows=FURTHER.windows, habits=())
    same_stream_features(further_on_duckdb(curated, windows), rows, FURTHER_WINDOWS)


@pytest.mark.engines
def test_spark_equals_duckdb_in_every_feature(hard, tmp_path):
    _, curated, found = hard
    assert on_spark(curated, tmp_path) == found


@pytest.mark.engines
def test_spark_reads_its_own_columns_alone(tmp_path):
    """Names of what Spark's program makes on the way, in the file and as a folder's partition, are a person's own."""
    rows = adversarial_rows(300, START)
    curated = write(rows, tmp_path / "plain.parquet")
    table = pq.read_table(curated)
    for name in ("event_ms", "day", "hour", "row", "w", "num_trans_last_10m", "num_trans_last_1w", "n"):
        table = table.append_column(name, pa.array([1] * len(rows)))
    folder = tmp_path / "own" / "transaction_id=1" / "cc_num=2"
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part.parquet")
    assert on_spark(tmp_path / "own", tmp_path) == on_duckdb(curated, tmp_path / "features.parquet")


@pytest.mark.engines
def test_spark_reads_files_of_before_and_after_a_field_was_declared(tmp_path):
    rows = adversarial_rows(300, START)
    before = [{name: value for name, value in row.items() if name != "device_id"} for row in rows[:150]]
    for day, of_day in enumerate((before, rows[150:])):
        (tmp_path / "both" / f"day={day}").mkdir(parents=True)
        write(of_day, tmp_path / "both" / f"day={day}" / "part.parquet")
    plain = write([*({**row, "device_id": None} for row in before), *rows[150:]], tmp_path / "plain.parquet")
    assert any(row["device_id"] for row in rows[150:])
    assert on_spark(tmp_path / "both", tmp_path, further_program(tmp_path)) == further_on_duckdb(plain)


def further_program(folder: Path) -> Path:
    """Spark's program with the further windows and habits."""
    program = folder / "batch_features.py"
    program.write_text(PROGRAM.format(root=str(ROOT), program=str(ROOT / "glue_scripts" / "batch_features.py")))
    return program


TIMES = st.one_of(
    st.integers(0, 40 * 86_400_000),
    st.builds(
        lambda day, off: day * 86_400_000 + off, st.integers(1, 39), st.sampled_from([-1, 0, 1, 600_000, 3_600_000])
    ),
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        TIMES,
        st.sampled_from([1, 99_999_999, 1234, 500]),
        st.sampled_from(CATEGORIES),
        st.sampled_from([None, "m1", "m2"]),
        st.sampled_from([None, "d1", "d2", "t1-0"]),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.engines
def test_random_tables(tmp_path):
    """Hypothesis draws tables; DuckDB is held to the naive loops on each, and Spark to DuckDB on all of them at once.

    The windows and habits are the product's and others, by keys that some rows lack.
    """
    drawn: list[dict] = []

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(ROWS)
    def check(table: list[tuple]) -> None:
        part = len({row["part"] for row in drawn})
        rows = [
            {"transaction_id": f"{part}-{number}", "cc_num": f"{part:016x}{card:016x}", "category": f"{category}{part}",
             "amount_cents": cents, "event_ms": START + moment, "merchant": merchant, "device_id": device}
            for number, (card, moment, cents, category, merchant, device) in enumerate(table)
        ]  # fmt: skip
        found = further_on_duckdb(write(rows, tmp_path / "part.parquet"))
        stream, nightly = naive_stream_features(rows, FURTHER_WINDOWS), naive_nightly_features(rows, FURTHER_HABITS)
        for of_stream, of_nightly in zip(stream, nightly, strict=True):
            wanted = of_stream | of_nightly
            assert {name: found[of_stream["transaction_id"]][name] for name in wanted} == wanted
        drawn.extend({**row, "part": part} for row in rows)

    check()
    curated = write(
        [{key: value for key, value in row.items() if key != "part"} for row in drawn], tmp_path / "all.parquet"
    )
    found = further_on_duckdb(curated)
    assert len(found) == len(drawn) > 100
    assert on_spark(curated, tmp_path / "spark", further_program(tmp_path)) == found
