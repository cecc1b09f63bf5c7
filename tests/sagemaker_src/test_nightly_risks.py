"""The nightly job where risks are declared, on both engines. What it stores and what is decided by it: `served_risks`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.features.catalogue import names, with_risks
from fraud.features.habits import LONGEST_DAYS
from sagemaker_src.processing import entity_risk, nightly
from tests.sagemaker_src.test_labelled_set import DAYS, Archive
from tests.sagemaker_src.test_nightly import DAY_MS, START_MS, Nights
from tests.sagemaker_src.test_set_with_risk import DELAY_DAYS, WORDS, settled, with_terminals
from tests.sagemaker_src.told_loop import shares

CUT = 25
CATALOGUE = with_risks(DELAY_DAYS)
PROGRAM = """
import sys
from functools import partial
sys.path.insert(0, {root!r})
from fraud.features.catalogue import with_risks
from fraud.features.habits import LONGEST_DAYS
from sagemaker_src.processing import entity_risk, nightly
nightly.run = partial(nightly.run, catalogue=with_risks({days}))
sys.exit(nightly.main())
"""
RUN = nightly.run


def whole(archive: Archive) -> list[str]:
    named = {"archive": "transactions", "decisions": "decisions", "labels": "labels"}
    return [part for name, folder in named.items() for part in (f"--{name}", str(archive.folder / folder))]


def of_rows(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: row[name] for name in names(CATALOGUE.risk_features)} for key, row in found.items()}


def test_a_night_goes_on_to_what_a_loop_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    archive = with_terminals(tmp_path)
    nights = Nights(tmp_path / "nights", archive.transactions, *whole(archive))
    nights.run(CUT - 4, first=0)
    rows, seen = {row["transaction_id"]: row for row in archive.transactions}, set()
    for cut in range(CUT - 3, CUT + 1):
        for identity, risks in of_rows(nights.run(cut)).items():
            for word, key in WORDS.items():
                cut_ms = START_MS + (cut - 1) * DAY_MS  # the day that it closes was judged by the cut before
                wanted = shares(settled(archive), archive.labels, key, rows[identity][key], cut_ms)
                assert {back: risks[f"{word}_risk_{back}"] for back in wanted} == wanted
                seen |= set(wanted.values())
    assert len(seen) > 10


def test_a_first_night_over_all_history_looks_as_far_back_as_each_of_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    archive = with_terminals(tmp_path)
    wanted = of_rows(Nights(tmp_path / "whole", archive.transactions, *whole(archive)).run(DAYS, first=0))
    # the world is shorter than what is kept is: keep as little as the longest window
    monkeypatch.setattr(entity_risk, "KEPT_DAYS", LONGEST_DAYS)
    found = of_rows(Nights(tmp_path / "short", archive.transactions, *whole(archive)).run(DAYS, first=0))
    early = [row["transaction_id"] for row in archive.transactions if row["event_ms"] < START_MS + 10 * DAY_MS]
    assert any(wanted[each]["merchant_risk_7d"] is not None for each in early)
    assert found == wanted


@pytest.mark.engines
def test_spark_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=CATALOGUE))
    archive = with_terminals(tmp_path)
    wanted = Nights(tmp_path / "duckdb", archive.transactions, *whole(archive)).run(CUT, first=0)
    on_spark = Nights(tmp_path / "spark", archive.transactions, *whole(archive), "--engine", "spark")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(root=str(ROOT), days=DELAY_DAYS))
    run_spark(program, on_spark.arguments(CUT, first=0), tmp_path)
    rows = pq.read_table(tmp_path / "spark" / f"training-{CUT}" / "features.parquet").to_pylist()
    assert {row["transaction_id"]: row for row in rows} == wanted
