"""The measurement of grafted attacks keeps each resplit, goes on where it stopped, and shows every arm's mean and gain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import episodes as module
from cli.times import parse_moment
from fraud.episodes.ledger import COLUMNS
from fraud.world import WorldSettings, generate, to_kaggle
from sagemaker_src.synthesis.episodes_use import ARMS, MEASURES, WITHOUT, Scores, gains

MOMENT = "2026-01-20"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "world.parquet"
    pq.write_table(to_kaggle(generate(WorldSettings(cards=20, days=25, fraud_rate=0.02, seed=3))), path)
    return path


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(known attacks, resplit) of each measurement; the measuring itself is tested where it stands."""
    asked: list[tuple[int, int]] = []

    class Use:
        def __init__(self, table: pa.Table, test_from_ms: int, trial: Any, seed: int) -> None:
            assert test_from_ms == parse_moment("", MOMENT)
            self.known = trial.known

        def scores(self, resplit: int) -> Scores:
            asked.append((self.known, resplit))
            return scores_of(self.known, resplit)

    monkeypatch.setattr(module, "Use", Use)
    return asked


def scores_of(known: int, resplit: int) -> Scores:
    random = np.random.default_rng([known, resplit])
    return {arm: {name + cards: float(random.random()) for name in MEASURES for cards in ("", WITHOUT)} for arm in ARMS}


def test_a_file_in_kaggles_columns_is_read_as_a_ledger(file: Path) -> None:
    given, table = pq.read_table(file), module.transactions(file)
    assert set(table.column_names) == set(COLUMNS)
    assert table["amount_cents"].to_pylist() == [round(amount * 100) for amount in given["amt"].to_pylist()]
    assert table["transaction_id"].to_pylist() == given["trans_num"].cast(pa.string()).to_pylist()
    times = given["trans_date_trans_time"].cast(pa.timestamp("ms")).cast(pa.int64())
    assert table["event_time"].cast(pa.int64()).to_pylist() == times.to_pylist()


def test_what_was_measured_is_kept_and_not_measured_again(
    file: Path, tmp_path: Path, measured: list[tuple[int, int]]
) -> None:
    whole = module._measure((4, 7), 2, file, MOMENT, tmp_path)
    # All numbers of one resplit before the next.
    assert measured == [(4, 0), (7, 0), (4, 1), (7, 1)]
    (tmp_path / "4-1.json").unlink()
    other = json.loads((tmp_path / "7-0.json").read_text())
    (tmp_path / "7-0.json").write_text(json.dumps({**other, "test_from_ms": 0}))
    measured.clear()
    assert module._measure((4, 7), 2, file, MOMENT, tmp_path) == whole
    assert measured == [(7, 0), (4, 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4-0.json", "4-1.json", "7-0.json", "7-1.json"]


def test_each_arm_has_a_row_of_its_mean_and_of_its_gain() -> None:
    scores = [scores_of(20, resplit) for resplit in range(3)]
    rows = {row["measure"].split(" (")[0]: row for row in module.rows_of(20, scores)}
    assert len(rows) == len(ARMS) * len(MEASURES) * 2
    of_grafted = rows["20 known attacks, average_precision, + 200 sampled ones grafted"]
    assert of_grafted["value"] == round(sum(each["episodes"]["average_precision"] or 0 for each in scores) / 3, 4)
    assert f"({gains(scores, 'average_precision')['episodes']['mean']:+.4f}, " in of_grafted["measure"]
    assert "(" not in rows["20 known attacks, average_precision, known attacks alone"]["measure"]


def test_without_the_file_one_row_says_that_nothing_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(module, "SPARKOV", tmp_path / "sparkov_dev.parquet")
    [row] = module.measure()
    assert row["value"] is None and "not measured: sparkov_dev.parquet" in row["measure"]
    assert measured == []
