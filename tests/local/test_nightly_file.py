"""The nightly features as a SQLite file: whole or not there."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fraud.features.nightly import CardRecord
from local.nightly_file import write_nightly

POPULATION = {"avg_amt_population_30d": {"travel": 70.25}}


def card_record(cut_ms: int = 1, average: float = 20.53) -> CardRecord:
    return CardRecord(
        cut_ms, {"avg_amt_all": average, "max_amt_last_30d": None}, {"num_trans_category_all": {"travel": 3}}
    )


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file's cards and categories."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return tuple(
            {key: json.loads(record) for key, record in connection.execute(f"SELECT * FROM {table}")}
            for table in ("cards", "population")
        )


def test_it_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "nightly.db"
    cards = {"a" * 32: card_record(), "b" * 32: card_record(5)}
    write_nightly(path, cards.items(), POPULATION)
    row = {"avg_amt_all": 20.53, "max_amt_last_30d": None, "num_trans_category_all": {"travel": 3}}
    written = {"a" * 32: row | {"cut_ms": 1}, "b" * 32: row | {"cut_ms": 5}}
    assert read(path) == (written, POPULATION)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "nightly.db"
    write_nightly(path, [("a" * 32, card_record(1))], POPULATION)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_nightly(path, [("a" * 32, card_record(2)), ("b" * 32, card_record(2, float("nan")))], POPULATION)
    assert read(path)[0]["a" * 32]["cut_ms"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["nightly.db"]


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nightly.db"
    names = [f"{number:032x}" for number in range(50)]

    def write(cut: int) -> None:
        write_nightly(path, ((card, card_record(cut)) for card in names), {"x": {"at": float(cut)}})

    write(0)
    writer = threading.Thread(target=lambda: [write(cut) for cut in range(1, 30)])
    writer.start()
    seen = set()
    while writer.is_alive():
        cards, population = read(path)
        cuts = {record["cut_ms"] for record in cards.values()}
        assert len(cards) == 50
        assert cuts == {population["x"]["at"]}
        seen |= cuts
    writer.join()
    assert len(seen) > 1
