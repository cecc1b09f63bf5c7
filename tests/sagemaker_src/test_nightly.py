"""The nightly job night for night, against the features of all history at once."""

from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.features.catalogue import CATALOGUE, NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.nightly_records import card_record, population_identifiers, population_of
from sagemaker_src.processing import batch_features, nightly
from sagemaker_src.processing.nightly_sums import KEPT_DAYS
from tests.parity.further import FURTHER

FIRST = date(2026, 1, 1)
START_MS = (FIRST - date(1970, 1, 1)).days * 86_400_000
DAY_MS = 86_400_000
NIGHTLY, TRAINING = "cc-agg-batch-fg", "cc-transactions-fg"


def rows(days, count=600, cards=6, seed=1):
    """Transactions over some days, several days empty, some cards silent for weeks."""
    chance = random.Random(seed)
    silent = {2: range(10, 50), 3: range(40), 4: range(5, days)}
    found = []
    for number in range(count):
        card, day = chance.randrange(cards), chance.randrange(days)
        if day in silent.get(card, ()) or day % 11 == 7:
            continue
        found.append(
            {
                "transaction_id": f"t{number}",
                "cc_num": f"{card:032x}",
                "category": chance.choice(["travel", "grocery_pos", "misc_net"]),
                "merchant": f"m{number % 4}",
                "device_id": [None, "d1", "d2"][card % 3],
                "amount_cents": chance.choice([1, 99_999_999, chance.randrange(1, 50_000)]),
                "event_ms": START_MS + day * DAY_MS + chance.choice([0, 1, DAY_MS - 1, chance.randrange(DAY_MS)]),
            }
        )
    return found


def write(folder, given, name="part"):
    """An archive folder of transactions; an empty one holds what a job's mount of nothing holds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_keep").write_text("")
    if given:
        table = pa.Table.from_pylist(given)
        moments = table["event_ms"].cast(pa.timestamp("ms", "UTC"))
        pq.write_table(table.append_column("event_time", moments).drop_columns("event_ms"), folder / f"{name}.parquet")
    return folder


def of_days(given, first, last):
    return [row for row in given if START_MS + first * DAY_MS <= row["event_ms"] < START_MS + (last + 1) * DAY_MS]


class Nights:
    """Runs the job as its state machine does, the sums going around in one folder."""

    def __init__(self, folder: Path, given, *options):
        self.folder, self.given, self.options = folder, given, options

    def arguments(self, cut, first=None):
        landed = of_days(self.given, cut - 1 if first is None else first, cut - 1)
        before = of_days(self.given, cut - 2, cut - 2) if first is None else []
        return [
            *("--cut", str(FIRST + timedelta(days=cut))),
            *("--transactions", str(write(self.folder / f"landed-{cut}", landed))),
            *("--before", str(write(self.folder / f"before-{cut}", before))),
            *("--daily", str(self.folder / "sums"), "--daily-out", str(self.folder / "sums")),
            *("--training-out", str(self.folder / f"training-{cut}")),
            *self.options,
        ]

    def run(self, cut, first=None):
        """The training rows that the night wrote, {transaction_id: row}."""
        assert nightly.main(self.arguments(cut, first)) == 0
        found = pq.read_table(self.folder / f"training-{cut}" / "features.parquet").to_pylist()
        return {row["transaction_id"]: row for row in found}


def at_once(given, cut, folder, catalogue=CATALOGUE):
    """The snapshot and the training rows of all history before the cut, by the batch program."""
    known = of_days(given, 0, cut - 1)
    source = f"read_parquet('{write(folder / f'all-{cut}', known)}/*.parquet')"
    with batch_features.engine() as connection:
        batch_features.load(connection, source, catalogue=catalogue)
        batch_features.compute(connection, catalogue=catalogue)
        snapshot = batch_features.nightly_snapshot(connection, START_MS + cut * DAY_MS, catalogue)
        select = batch_features.features_select(source, ("category",), catalogue=catalogue)
        table = connection.sql(select).to_arrow_table()
    return snapshot, {row["transaction_id"]: row for row in table.to_pylist()}


def kept_in(feature_store, catalogue=CATALOGUE):
    records = dict(feature_store.groups[NIGHTLY])
    everyone = population_of(
        {name: records.pop(name) for name in population_identifiers(catalogue).values()}, catalogue
    )
    return {card: card_record(values, catalogue) for card, values in records.items()}, everyone


@pytest.mark.slow
def test_each_night_equals_all_history_at_once(tmp_path, feature_store):
    given = rows(days=70)
    nights = Nights(tmp_path, given, "--nightly-group", NIGHTLY)
    written = nights.run(12, first=0)
    for cut in range(13, 71):
        night = nights.run(cut)
        written |= night
        if cut % 6 and cut < 66:
            continue
        (cards, population), features = at_once(given, cut, tmp_path)
        found_cards, found_population = kept_in(feature_store)
        assert found_cards == cards
        assert found_population == population
        assert {key: row["num_trans_all"] for key, row in written.items()} == {
            key: row["num_trans_all"] for key, row in features.items()
        }
    for key, row in features.items():
        wanted = {name: row[name] for name in names((*STREAM_FEATURES, *NIGHTLY_FEATURES))}
        assert {name: written[key][name] for name in wanted} == wanted, key
    assert (tmp_path / "sums" / "daily_card" / "history.parquet").exists()


def declaring(monkeypatch, catalogue):
    """The job with another catalogue than the product's."""
    monkeypatch.setattr(nightly, "run", partial(RUN, catalogue=catalogue))


RUN = nightly.run


@pytest.mark.slow
def test_a_night_of_other_keys_which_transactions_lack_equals_all_history_at_once(tmp_path, feature_store, monkeypatch):
    declaring(monkeypatch, FURTHER)
    given, last = rows(days=KEPT_DAYS + 6), KEPT_DAYS + 6
    nights = Nights(tmp_path, given, "--nightly-group", NIGHTLY)
    nights.run(last - 3, first=0)
    written = {cut: nights.run(cut) for cut in range(last - 2, last + 1)}
    snapshot, features = at_once(given, last, tmp_path, FURTHER)
    assert kept_in(feature_store, FURTHER) == snapshot
    found = [row for night in written.values() for row in night.values()]
    for row in found:
        wanted = {name: features[row["transaction_id"]][name] for name in batch_features.feature_columns(FURTHER)}
        assert {name: row[name] for name in wanted} == wanted
    assert {row["num_trans_device_all"] is None for row in found} == {True, False}
    assert (tmp_path / "sums" / "daily_device" / "history.parquet").exists()


def test_a_habit_that_is_declared_over_kept_sums_knows_all_that_they_hold(tmp_path, feature_store, monkeypatch):
    given = rows(days=12)
    nights = Nights(tmp_path, given, "--nightly-group", NIGHTLY)
    nights.run(10, first=0)
    before = kept_in(feature_store)[0]
    declaring(monkeypatch, FURTHER)
    nights.run(11)
    cards, _ = kept_in(feature_store, FURTHER)
    assert cards.keys() == before.keys()
    assert sum(card.features["num_trans_all"] for card in cards.values()) == len(of_days(given, 0, 10))
    (at_once_cards, _), _ = at_once(given, 11, tmp_path, FURTHER)
    for name, card in at_once_cards.items():
        assert cards[name].features == card.features
        assert cards[name].habits["max_amt_category_last_30d"] == card.habits["max_amt_category_last_30d"]
    # there were no sums by device
    seen = sum(sum(card.habits["num_trans_device_all"].values()) for card in cards.values())
    assert seen == sum(row["device_id"] is not None for row in of_days(given, 10, 10)) > 0


def test_a_night_reads_no_transactions_but_its_own(tmp_path):
    nights = Nights(tmp_path, rows(days=12))
    nights.run(10, first=0)
    for path in tmp_path.glob("*-10/part.parquet"):
        path.unlink()
    assert {row["num_trans_all"] > 20 for row in nights.run(11).values()} == {True}


@pytest.mark.slow
def test_a_night_again_changes_nothing(tmp_path, feature_store):
    nights = Nights(tmp_path, rows(days=KEPT_DAYS + 10), "--nightly-group", NIGHTLY)
    nights.run(KEPT_DAYS + 9, first=0)
    first = nights.run(KEPT_DAYS + 10)
    records, sums = kept_in(feature_store), all_sums(tmp_path)
    feature_store.groups.clear()
    assert nights.run(KEPT_DAYS + 10) == first
    assert (kept_in(feature_store), all_sums(tmp_path)) == (records, sums)


def all_sums(folder):
    tables = {path: pq.read_table(path).to_pylist() for path in sorted((folder / "sums").rglob("*.parquet"))}
    return {path: sorted(map(repr, found)) for path, found in tables.items()}


def test_a_night_that_was_left_out_is_told_and_can_be_made_up_for(tmp_path, capsys):
    given = rows(days=15)
    nights = Nights(tmp_path, given)
    nights.run(10, first=0)
    nights.run(12)
    assert "no sums of 2026-01-11" in capsys.readouterr().err
    nights.run(11)
    nights.run(13)
    assert capsys.readouterr().err == ""
    _, features = at_once(given, 13, tmp_path)
    night = pq.read_table(tmp_path / "training-13" / "features.parquet").to_pylist()
    assert {row["transaction_id"]: row["num_trans_all"] for row in night} == {
        row["transaction_id"]: features[row["transaction_id"]]["num_trans_all"] for row in night
    }


def test_a_day_that_is_folded_in_is_refused_with_a_sentence(tmp_path, capsys):
    given = rows(days=KEPT_DAYS + 20)
    nights = Nights(tmp_path, given)
    nights.run(KEPT_DAYS + 20, first=0)
    with pytest.raises(SystemExit):
        nights.run(10)
    assert "which are one; allowed: from" in capsys.readouterr().err


def test_a_duplicate_counts_once_at_its_first_arrival_also_over_midnight(tmp_path):
    given = rows(days=11)
    twice = [row | {"event_ms": row["event_ms"] + 5} for row in of_days(given, 10, 10)]
    late = [row | {"event_ms": START_MS + 10 * DAY_MS + 9} for row in of_days(given, 9, 9)]
    plain, doubled = Nights(tmp_path / "plain", given), Nights(tmp_path / "doubled", given + twice + late)
    assert late
    for nights in (plain, doubled):
        nights.given, everything = given, nights.given
        nights.run(10, first=0)
        nights.given = everything
    assert doubled.run(11) == plain.run(11)


def test_a_day_without_transactions_is_a_night_like_any_other(tmp_path, feature_store):
    nights = Nights(tmp_path, rows(days=20), "--nightly-group", NIGHTLY, "--training-group", TRAINING)
    nights.run(18, first=0)
    assert nights.run(19) == {}  # day 18 is empty
    assert {record.cut_ms for record in kept_in(feature_store)[0].values()} == {START_MS + 19 * DAY_MS}


def test_nothing_at_all_is_a_night_too(tmp_path, feature_store):
    nights = Nights(tmp_path, [], "--nightly-group", NIGHTLY)
    assert nights.run(1) == {}
    assert kept_in(feature_store) == ({}, {"avg_amt_population_30d": {}})


def test_training_rows_go_into_their_group_with_labels_where_they_are(tmp_path, feature_store):
    given = [row | {"is_fraud": place % 2} for place, row in enumerate(rows(days=3))]
    written = Nights(tmp_path, given, "--training-group", TRAINING).run(3, first=0)
    kept = feature_store.groups[TRAINING]
    assert kept.keys() == written.keys() == {row["transaction_id"] for row in given}
    some = given[0]["transaction_id"]
    record, row = kept[some], written[some]
    assert (record["is_fraud"], record["amount_cents"]) == (str(row["is_fraud"]), str(row["amount_cents"]))
    assert float(record["avg_amt_last_1h"]) == row["avg_amt_last_1h"]


def test_records_that_the_store_refuses_fail_the_job_and_the_others_are_written(tmp_path, feature_store):
    feature_store.errors = ["ValidationError"]
    with pytest.raises(nightly.RecordsRefusedError, match="1 of 5 records refused, as ValidationError"):
        Nights(tmp_path, rows(days=3), "--nightly-group", NIGHTLY).run(3, first=0)
    assert len(feature_store.groups[NIGHTLY]) == 5  # four cards and, written after them, the population


def test_a_throttled_store_is_asked_again(tmp_path, feature_store, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    feature_store.failures = [(400, "ThrottlingException")] * 2
    Nights(tmp_path, rows(days=3), "--nightly-group", NIGHTLY).run(3, first=0)
    assert len(feature_store.groups[NIGHTLY]) == 6  # five cards and the population


@pytest.mark.engines
def test_spark_goes_on_from_the_same_sums_to_the_same_sums_and_training_rows(tmp_path):
    on_duckdb = Nights(tmp_path, rows(days=KEPT_DAYS + 5))
    on_duckdb.run(KEPT_DAYS + 4, first=0)
    on_spark = Nights(tmp_path / "spark", on_duckdb.given, "--engine", "spark")
    shutil.copytree(tmp_path / "sums", tmp_path / "spark" / "sums")
    cut = KEPT_DAYS + 5
    wanted = on_duckdb.run(cut)
    run_spark(ROOT / "sagemaker_src" / "processing" / "nightly.py", on_spark.arguments(cut), tmp_path)
    found = pq.read_table(tmp_path / "spark" / f"training-{cut}" / "features.parquet").to_pylist()
    assert {row["transaction_id"]: row for row in found} == wanted
    assert wanted
    assert list(all_sums(tmp_path).values()) == list(all_sums(tmp_path / "spark").values())
