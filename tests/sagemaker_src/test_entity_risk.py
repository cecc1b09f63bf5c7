"""Risk by entity as of a nightly cut: as a loop finds it, on both engines, and as training has it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines.installed import ROOT
from engines.spark import run_spark
from sagemaker_src.processing import entity_risk
from samples.labels import label
from tests.sagemaker_src.test_labelled_set import DELAY_DAYS, UNTIL_MS, Archive, moment
from tests.sagemaker_src.test_nightly import DAY_MS
from tests.sagemaker_src.test_set_with_risk import WORDS, rows_of, settled, with_terminals
from tests.sagemaker_src.told_loop import shares

CUT_MS = UNTIL_MS - 2 * DAY_MS
Tables = dict[str, dict[str, dict[str, float | None]]]
"""{key: {its value: {"merchant_risk_1d": share, ...}}}."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return with_terminals(tmp_path)


def options(archive: Archive, cut_ms: int, out: Path) -> list[str]:
    return [
        *("--cut", str(date(1970, 1, 1) + timedelta(milliseconds=cut_ms))),
        *("--archive", str(archive.folder / "transactions"), "--decisions", str(archive.folder / "decisions")),
        *("--labels", str(archive.folder / "labels"), "--label-delay-days", str(DELAY_DAYS), "--out", str(out)),
    ]


def read(out: Path, cut_ms: int) -> Tables:
    found: Tables = {}
    for word, key in WORDS.items():
        rows: list[dict[str, Any]] = pq.read_table(out / f"nightly_risk_{word}.parquet").to_pylist()
        assert {row.pop("day") for row in rows} <= {cut_ms // DAY_MS}
        found[key] = {row.pop(key): row for row in rows}
    return found


def as_of(archive: Archive, cut_ms: int, name: str = "out") -> Tables:
    assert entity_risk.main(options(archive, cut_ms, archive.folder / name)) == 0
    return read(archive.folder / name, cut_ms)


@pytest.mark.parametrize("day", [4, 12, 21, 39])
def test_it_is_what_a_loop_finds(archive: Archive, day: int) -> None:
    cut_ms = min(row["event_ms"] for row in archive.transactions) // DAY_MS * DAY_MS + day * DAY_MS
    found, given = as_of(archive, cut_ms), settled(archive)
    for word, key in WORDS.items():
        for value in {row[key] for row in given} - {None}:
            wanted = {
                f"{word}_risk_{back}": share
                for back, share in shares(given, archive.labels, key, value, cut_ms).items()
            }
            assert found[key].get(value, dict.fromkeys(wanted)) == wanted
    assert any(found.values())


def test_it_is_what_the_rows_of_the_day_are_trained_on(archive: Archive) -> None:
    rows, compared = rows_of(archive), 0
    for cut_ms in (CUT_MS - 5 * DAY_MS, CUT_MS):
        found = as_of(archive, cut_ms)
        for row in archive.transactions:
            if cut_ms <= row["event_ms"] < cut_ms + DAY_MS and row["transaction_id"] in rows:
                for key in WORDS.values():
                    for name, share in found[key].get(row[key], {}).items():
                        assert rows[row["transaction_id"]][name] == share
                        compared += 1
    assert compared > 50


def test_what_comes_to_be_known_later_changes_nothing(archive: Archive) -> None:
    before = as_of(archive, CUT_MS)
    every = [row["transaction_id"] for row in archive.transactions]
    # one second too late: known, or archived; and of whatever happened since
    known = [
        (label(transaction_id=each, is_fraud=True, known_at=moment(CUT_MS + 1_000)), CUT_MS + 1_000) for each in every
    ]
    backdated = [
        (label(transaction_id=each, is_fraud=True, known_at=moment(CUT_MS - DAY_MS)), CUT_MS) for each in every
    ]
    archive.write_labels("later", known + backdated)
    assert as_of(archive, CUT_MS, "again") == before
    archive.write_labels("at last", [(one, CUT_MS - 1) for one, _ in backdated])
    assert as_of(archive, CUT_MS, "known") != before


def test_what_is_silent_for_longer_than_the_windows_is_said_to_be(archive: Archive) -> None:
    last_ms = max(row["event_ms"] for row in archive.transactions) // DAY_MS * DAY_MS
    last_ms = max(last_ms, *(max(recorded, one.known_ms) // DAY_MS * DAY_MS for one, recorded in archive.labels))
    found = as_of(archive, last_ms + 38 * DAY_MS)
    assert found["merchant"]
    assert {share for of_one in found["merchant"].values() for share in of_one.values()} == {None}
    assert not as_of(archive, last_ms + 60 * DAY_MS, "much later")["merchant"]


def test_silence_says_nothing_before_the_decision(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.transactions, archive.labels = archive.transactions[:1], []
    [row] = archive.transactions
    archive.outcomes = {row["transaction_id"]: "approve"}
    archive.write()
    day_ms = row["event_ms"] // DAY_MS * DAY_MS
    decided = {
        "transaction_id": row["transaction_id"],
        "outcome": "approve",
        "decided_at": moment(day_ms + 10 * DAY_MS),
    }
    pq.write_table(pa.Table.from_pylist([decided]), archive.folder / "decisions" / "part.parquet")
    assert as_of(archive, day_ms + 10 * DAY_MS)["merchant"] == {}
    risk = as_of(archive, day_ms + 11 * DAY_MS)["merchant"][row["merchant"]]
    assert risk == {"merchant_risk_1d": 0.0, "merchant_risk_7d": 0.0, "merchant_risk_30d": 0.0}


def test_an_empty_archive_has_empty_tables(tmp_path: Path) -> None:
    assert as_of(Archive(tmp_path), CUT_MS) == {key: {} for key in WORDS.values()}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"--labels": "transactions"},
            "lacks the columns is_fraud, source, reported_by, known_at, recorded_at; needed",
        ),
        ({"--archive": "labels"}, "lacks the columns cc_num, category, amount_cents, event_time; needed"),
        ({"--label-delay-days": "-1"}, "label delay of -1 days; allowed: 0 to 3,660"),
    ],
)
def test_what_is_wrong_is_said(
    changed: dict[str, str], says: str, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    given = options(archive, CUT_MS, archive.folder / "out")
    for name, value in changed.items():
        given[given.index(name) + 1] = value if name == "--label-delay-days" else str(archive.folder / value)
    with pytest.raises(SystemExit):
        entity_risk.main(given)
    assert says in capsys.readouterr().err
    assert not (archive.folder / "out").exists()


@pytest.mark.engines
def test_spark_finds_the_same(archive: Archive) -> None:
    program = ROOT / "sagemaker_src" / "processing" / "entity_risk.py"
    given = options(archive, CUT_MS, archive.folder / "spark")
    run_spark(program, [*given, "--engine", "spark"], archive.folder)
    assert read(archive.folder / "spark", CUT_MS) == as_of(archive, CUT_MS)
