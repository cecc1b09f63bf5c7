"""local.stores: SQLite files shared by processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading

import pytest

from fraud.decision import Decision, Reason
from fraud.ports import NightlyUnavailableError
from local.stores import SqliteDecisionStore, SqliteNightlyStore, write_nightly

POPULATION = {"travel": {"avg_amt_population_30d": 70.25}}


def card_record(cut_ms=1):
    return {"cut_ms": cut_ms, "avg_amt_all": 20.53, "max_amt_last_30d": None, "categories": {"travel": [3, 20.53]}}


def decision(number, path="model"):
    return Decision(
        transaction_id=f"t{number}",
        cc_num="0" * 32,
        amount_cents=number,
        trans_time=number,
        decided_at=9,
        outcome="approve",
        path=path,
        reasons=(Reason("amount", 1.0, 0.5),),
        features={"amount": 1.0, "category": "a"},
    )


def test_a_decision_stands_once_recorded(tmp_path):
    store = SqliteDecisionStore(tmp_path / "folder" / "decisions.db")
    first = [decision(1), decision(2)]
    assert store.record(first) == first
    again = store.record([decision(2, "fallback"), decision(3, "fallback")])
    assert again == [decision(2), decision(3, "fallback")]
    assert store.decided(["t1", "t3", "t4", "it's"]).keys() == {"t1", "t3"}
    store.close()
    assert SqliteDecisionStore(tmp_path / "folder" / "decisions.db").decided(["t1"]).keys() == {"t1"}


def test_a_batch_is_recorded_whole_or_not_at_all(tmp_path):
    store = SqliteDecisionStore(tmp_path / "decisions.db")
    broken = Decision.from_json(decision(2).to_json().replace('"cc_num":"' + "0" * 32 + '"', '"cc_num":null'))
    with pytest.raises(sqlite3.IntegrityError):
        store.record([decision(1), broken])
    assert store.decided(["t1", "t2"]) == {}
    assert store.record([decision(1)]) == [decision(1)]


def test_the_columns_can_be_asked(tmp_path):
    SqliteDecisionStore(tmp_path / "decisions.db").record([decision(1), decision(2, "fallback")])
    with sqlite3.connect(tmp_path / "decisions.db") as connection:
        asked = connection.execute("SELECT path, count(*) FROM decisions GROUP BY path ORDER BY path").fetchall()
    assert asked == [("fallback", 1), ("model", 1)]


def race(path, name, start, standing):
    store = SqliteDecisionStore(path)
    start.wait()
    for number in range(0, 400, 20):
        for kept in store.record([decision(each, name) for each in range(number, number + 20)]):
            standing.put((kept.transaction_id, kept.path))


def test_two_processes_that_race_record_one_decision_each(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, standing = context.Event(), context.Queue()
    racers = [
        context.Process(target=race, args=(tmp_path / "decisions.db", name, start, standing))
        for name in ("model", "fallback")
    ]
    for racer in racers:
        racer.start()
    start.set()
    told = [standing.get(timeout=60) for _ in range(800)]
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    assert len(set(told)) == 400, "both racers were told the same decision of every transaction"
    with sqlite3.connect(tmp_path / "decisions.db") as connection:
        assert set(connection.execute("SELECT transaction_id, path FROM decisions")) == set(told)


def test_many_may_create_the_file_at_once(tmp_path):
    for attempt in range(20):
        path, failures = tmp_path / f"{attempt}.db", []
        together = threading.Barrier(4)

        def create(path=path, failures=failures, together=together):
            together.wait()
            try:
                SqliteDecisionStore(path).close()
            except sqlite3.Error as error:
                failures.append(error)

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_nightly_features_are_read_as_written(tmp_path):
    path = tmp_path / "nightly.db"
    write_nightly(path, [("a" * 32, card_record()), ("b" * 32, card_record(5))], POPULATION)
    store = SqliteNightlyStore(path)
    nightly = store.read({"b" * 32, "c" * 32})
    assert nightly.cards == {"b" * 32: card_record(5)}
    assert nightly.population == POPULATION


def test_a_new_nightly_file_is_taken_up(tmp_path):
    path = tmp_path / "nightly.db"
    store = SqliteNightlyStore(path)
    for cut in (1, 2):
        write_nightly(path, [("a" * 32, card_record(cut))], {"x": {"avg_amt_population_30d": float(cut)}})
        nightly = store.read(["a" * 32])
        assert nightly.cards["a" * 32]["cut_ms"] == cut
        assert nightly.population == {"x": {"avg_amt_population_30d": float(cut)}}
    assert [entry.name for entry in tmp_path.iterdir()] == ["nightly.db"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "nightly.db"
    write_nightly(path, [("a" * 32, card_record(1))], POPULATION)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_nightly(path, [("a" * 32, card_record(2)), ("b" * 32, {"avg": float("nan")})], POPULATION)
    assert SqliteNightlyStore(path).read(["a" * 32]).cards["a" * 32]["cut_ms"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["nightly.db"]


def test_a_reader_never_sees_a_part_of_a_file(tmp_path):
    path = tmp_path / "nightly.db"
    cards = [f"{number:032x}" for number in range(50)]

    def write(cut):
        write_nightly(path, ((card, card_record(cut)) for card in cards), {"x": {"avg_amt_population_30d": float(cut)}})

    write(0)
    writer = threading.Thread(target=lambda: [write(cut) for cut in range(1, 30)])
    writer.start()
    store, seen = SqliteNightlyStore(path), set()
    while writer.is_alive():
        nightly = store.read(cards)
        cuts = {record["cut_ms"] for record in nightly.cards.values()}
        assert len(nightly.cards) == 50
        assert cuts == {nightly.population["x"]["avg_amt_population_30d"]}
        seen |= cuts
    writer.join()
    assert len(seen) > 1


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100])
def test_a_missing_or_broken_nightly_file_is_unavailable_until_it_is_there(tmp_path, content):
    path = tmp_path / "nightly.db"
    if content is not None:
        path.write_bytes(content)
    store = SqliteNightlyStore(path)
    for _ in range(2):
        with pytest.raises(NightlyUnavailableError, match="the nightly store does not answer"):
            store.read(["a" * 32])
    write_nightly(path, [("a" * 32, card_record())], POPULATION)
    assert len(store.read(["a" * 32]).cards) == 1
