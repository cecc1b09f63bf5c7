"""Risk by entity: DuckDB and Spark against the naive loop, bit for bit; and that no label is seen before it was known."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.features.catalogue import CATALOGUE, names, with_risks
from fraud.features.groups import nightly_group, training_group
from fraud.features.nightly import nightly_columns
from fraud.vector import FEATURE_NAMES
from sagemaker_src.processing import batch_features
from tests.parity.naive_nightly import DAY_MS, REACH_MS, naive_risk_features

START = 1_767_225_600_000
DELAY_DAYS = 2.5
KEYS = {"merchant": "merchant", "terminal": "terminal_id", "category": "category"}
SPANS = ("1d", "7d", "30d")


def drawn(count: int = 500) -> list[dict[str, Any]]:
    """Labels known at once, at midnight, late, before their transaction, by the delay alone, and never; keys that rows lack."""
    drawn_by = random.Random(7)
    rows = []
    for number in range(count):
        event_ms = START + drawn_by.randrange(45 * 24) * DAY_MS // 24 + drawn_by.choice((0, 0, 1, 7))
        midnight = (event_ms // DAY_MS + drawn_by.randrange(1, 9)) * DAY_MS
        late = event_ms + drawn_by.randrange(20 * DAY_MS)
        rows.append(
            {
                "transaction_id": f"t{number}",
                "cc_num": f"{drawn_by.randrange(5):032x}",
                "category": drawn_by.choice(("travel", "grocery_pos")),
                "merchant": drawn_by.choice((None, "m1", "m2", "m3")),
                "terminal_id": drawn_by.choice((None, "a", "b", "c", "d")),
                "amount_cents": drawn_by.randrange(1, 10_000),
                "event_ms": event_ms,
                "is_fraud": drawn_by.choice((None, 0, 0, 0, 1, 1)),
                "known_ms": drawn_by.choice((None, None, event_ms, midnight, midnight - 1, late, event_ms - DAY_MS)),
            }
        )
    return rows


def write(rows: list[dict[str, Any]], path: Path) -> Path:
    table = pa.Table.from_pylist(rows)
    for name, column in (("event_time", "event_ms"), ("known_at", "known_ms")):
        if column in table.column_names:
            moments = table[column].cast(pa.int64()).cast(pa.timestamp("ms", "UTC"))
            table = table.append_column(name, moments).drop_columns(column)
    pq.write_table(table, path)
    return path


def on_duckdb(rows: list[dict[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    curated, out = write(rows, folder / "curated.parquet"), folder / "features.parquet"
    options = ["--transactions", str(curated), "--out", str(out), "--label-delay-days", str(DELAY_DAYS)]
    assert batch_features.main(options) == 0
    return {row["transaction_id"]: row for row in pq.read_table(out).to_pylist()}


def risks(row: dict[str, Any]) -> dict[str, float | None]:
    return {name: row[name] for name in names(with_risks().risk_features)}


def test_duckdb_equals_the_naive_loop(tmp_path: Path) -> None:
    rows = drawn()
    found = on_duckdb(rows, tmp_path)
    assert len(found) == len(rows)
    seen = set()
    for word, key in KEYS.items():
        for row, wanted in zip(rows, naive_risk_features(rows, key, int(DELAY_DAYS * DAY_MS)), strict=True):
            of_row = found[row["transaction_id"]]
            assert {span: of_row[f"{word}_risk_{span}"] for span in SPANS} == wanted, row
            seen |= set(wanted.values())
    assert len(seen) > 50
    assert {None, 0.0, 1.0} <= seen


@pytest.mark.engines
def test_spark_equals_duckdb(tmp_path: Path) -> None:
    rows = drawn()
    found = on_duckdb(rows, tmp_path)
    options = ["--transactions", tmp_path / "curated.parquet", "--out", tmp_path / "out"]
    program = ROOT / "glue_scripts" / "batch_features.py"
    run_spark(program, [*options, "--label-delay-days", str(DELAY_DAYS)], tmp_path)
    assert {row["transaction_id"]: row for row in pq.read_table(tmp_path / "out").to_pylist()} == found


@pytest.mark.parametrize("late", [True, False])
def test_a_label_changes_nothing_before_it_was_known_and_something_after(tmp_path: Path, late: bool) -> None:
    """A planted fraud: until the cut after it was known, every row is as if it were honest; then some are not."""
    delay = int(DELAY_DAYS * DAY_MS)
    rows = [{**row, "is_fraud": row["is_fraud"] or 0} for row in drawn()]
    planted = next(
        row for row in rows if row["terminal_id"] and row["merchant"] and row["event_ms"] > START + 5 * DAY_MS
    )
    planted |= {"is_fraud": 0, "known_ms": None}
    honest = on_duckdb(rows, tmp_path)
    known_ms = planted["event_ms"] + (delay + 3 * DAY_MS if late else delay)
    planted |= {"is_fraud": 1, "known_ms": known_ms if late else None}
    fraud = on_duckdb(rows, tmp_path)
    first_cut = (known_ms // DAY_MS + 1) * DAY_MS
    before = [row["transaction_id"] for row in rows if row["event_ms"] < first_cut]
    after = [row["transaction_id"] for row in rows if row["event_ms"] >= first_cut]
    assert len(before) > 20
    assert all(risks(honest[each]) == risks(fraud[each]) for each in before)
    for word, key in KEYS.items():
        changed = {each for each in after if honest[each][f"{word}_risk_30d"] != fraud[each][f"{word}_risk_30d"]}
        same_key = {row["transaction_id"] for row in rows if row[key] == planted[key]}
        assert changed
        assert changed <= same_key


@pytest.mark.parametrize(("late_ms", "share"), [(0, 1.0), (1, None)])
def test_a_fraud_that_comes_out_too_long_after_the_delay_counts_no_more(
    tmp_path: Path, late_ms: int, share: float | None
) -> None:
    known_ms = START + int(DELAY_DAYS * DAY_MS) + REACH_MS + late_ms
    shared = {"cc_num": "0" * 32, "category": "travel", "merchant": "m1", "terminal_id": "a", "amount_cents": 100}
    rows = [
        shared | {"transaction_id": "first", "event_ms": START, "is_fraud": 1, "known_ms": known_ms},
        shared | {"transaction_id": "asks", "event_ms": known_ms + DAY_MS, "is_fraud": None, "known_ms": None},
    ]
    found = on_duckdb(rows, tmp_path)["asks"]
    for word, key in KEYS.items():
        wanted = naive_risk_features(rows, key, int(DELAY_DAYS * DAY_MS))[1]
        assert {span: found[f"{word}_risk_{span}"] for span in SPANS} == wanted
        assert wanted["7d"] == share


def test_a_file_without_labels_is_told_what_is_lacking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{name: value for name, value in row.items() if name != "is_fraud"} for row in drawn(20)]
    with pytest.raises(SystemExit):
        on_duckdb(rows, tmp_path)
    assert "no column is_fraud; needed for risk: transactions with their labels" in capsys.readouterr().err


def test_where_they_are_declared_a_file_without_labels_lacks_them(tmp_path: Path) -> None:
    plain = [{name: value for name, value in row.items() if name != "is_fraud"} for row in drawn(20)]
    source = f"read_parquet('{write(plain, tmp_path / 'plain.parquet')}')"
    with batch_features.engine() as connection:
        batch_features.load(connection, source, catalogue=with_risks())
        batch_features.compute(connection, catalogue=with_risks())
        select = batch_features.features_select(source, (), catalogue=with_risks())
        found = connection.sql(select).to_arrow_table().to_pylist()
    assert len(found) == 20
    assert {share for row in found for share in risks(row).values()} == {None}


def test_the_snapshot_of_a_cut_is_what_the_rows_of_its_day_have(tmp_path: Path) -> None:
    rows = drawn()
    source = f"read_parquet('{write(rows, tmp_path / 'curated.parquet')}')"
    catalogue, cut_ms = with_risks(DELAY_DAYS), START + 30 * DAY_MS
    with batch_features.engine() as connection:
        batch_features.load(connection, source, catalogue=catalogue)
        batch_features.daily_sums(connection, catalogue)
        cards, population = batch_features.nightly_snapshot(connection, cut_ms, catalogue)
    of_day = [row for row in rows if cut_ms <= row["event_ms"] < cut_ms + DAY_MS]
    assert len(of_day) > 5
    columns = nightly_columns(
        {key: [row[key] for row in of_day] for key in KEYS.values()},
        np.array([row["event_ms"] for row in of_day]),
        [cards.get(row["cc_num"]) for row in of_day],
        population,
        catalogue,
    )
    for word, key in KEYS.items():
        naive = naive_risk_features(rows, key, int(DELAY_DAYS * DAY_MS))
        wanted = {row["transaction_id"]: shares for row, shares in zip(rows, naive, strict=True)}
        for place, row in enumerate(of_day):
            found = {span: columns[f"{word}_risk_{span}"][place] for span in SPANS}
            given = {span: None if np.isnan(share) else share for span, share in found.items()}
            assert given == wanted[row["transaction_id"]]


def test_nothing_that_is_deployed_has_them() -> None:
    found = set(names(with_risks().risk_features))
    assert not found & set(FEATURE_NAMES)
    assert not found & {name for group in (nightly_group(), training_group()) for name, _ in group.columns}
    assert CATALOGUE.risks == ()
