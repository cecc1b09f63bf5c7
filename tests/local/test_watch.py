"""local.watch with a stand-in consumer: what waits, what is decided, how far is committed."""

from __future__ import annotations

import json

import pytest

from fraud.decision import FallbackRule
from fraud.quarantine import quarantine_record
from fraud.transaction import is_heartbeat
from local.consumer import CommittingConsumer
from local.quarantine import Quarantine
from local.stores import SqliteDecisionStore
from local.watch import Pending, Waiting, Watch
from samples.deciding_world import MOMENT, transaction_message


class Message:
    def __init__(self, offset, value, partition=0):
        self.at = (offset, value, partition)

    def offset(self):
        return self.at[0]

    def value(self):
        return self.at[1]

    def partition(self):
        return self.at[2]

    def timestamp(self):
        return (1, MOMENT + self.at[0])


class StandInConsumer(CommittingConsumer):
    def __init__(self):
        self.committed, self.paused, self.kafka = {}, [], self

    def finished(self, positions, *, now=False):
        self.committed = dict(positions)

    def assignment(self):
        return ["all"]

    def pause(self, partitions):
        self.paused = partitions

    def resume(self, partitions):
        self.paused = []


class StandInQuarantine(Quarantine):
    def __init__(self):
        self.records, self.flushed = [], 0

    def put(self, message, error):
        self.records.append(
            quarantine_record(message.value(), error, "transactions", message.partition(), message.offset())
        )

    def flush(self):
        self.flushed = len(self.records)


class World:
    def __init__(self, folder, max_pending=100):
        self.now, self.consumer, self.quarantine, self.pending = 0.0, StandInConsumer(), StandInQuarantine(), Pending()
        self.store = SqliteDecisionStore(folder / "decisions.db")
        self.watch = Watch(
            self.consumer,
            self.pending,
            store=self.store,
            quarantine=self.quarantine,
            fallback=FallbackRule(),
            undecided_after_s=5,
            max_pending=max_pending,
            clock=lambda: self.now,
        )

    def take(self, *messages):
        self.watch.take(list(messages))

    def settle(self, now):
        self.now = now
        self.watch.settle()
        return self.consumer.committed

    def decide(self, *numbers):
        features_came = [
            Waiting(0, 0, f"t{number}", transaction_message(number), MOMENT, 0) for number in numbers
        ]  # fmt: skip
        self.watch._settle(features_came, 1)

    def decisions(self):
        query = "SELECT transaction_id, why FROM decisions ORDER BY transaction_id"
        return self.store._connection.execute(query).fetchall()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_what_waits_too_long_is_decided_by_the_rule(world):
    world.take(Message(0, transaction_message(1)), Message(1, transaction_message(2)))
    assert world.settle(4.9) == {0: 0}
    assert world.decisions() == []
    assert world.settle(5.0) == {0: 2}
    assert world.decisions() == [("t1", "no features within 5 s"), ("t2", "no features within 5 s")]


def test_nothing_from_the_oldest_waiting_on_is_committed(world):
    world.take(Message(7, b"{}"), Message(8, transaction_message(1)), Message(9, b"{}"), Message(3, b"{}", partition=1))
    assert world.settle(1) == {0: 8, 1: 4}
    world.now = 3
    world.take(Message(10, transaction_message(2)))
    assert world.settle(5) == {0: 10, 1: 4}
    assert world.settle(8) == {0: 11, 1: 4}


def test_a_decided_transaction_is_let_go_and_keeps_its_decision(world):
    world.take(Message(0, transaction_message(1)))
    world.decide(1)
    before = world.decisions()
    assert world.settle(9) == {0: 1}
    assert world.decisions() == before


def test_malformed_transactions_go_to_quarantine_and_the_others_on(world):
    world.take(
        Message(0, transaction_message(1, cc_num="4111111111111111")),
        Message(1, b"nonsense"),
        Message(2, transaction_message(2)),
    )
    assert world.quarantine.flushed == 2
    first, second = world.quarantine.records
    assert (first["field"], first["source"]) == ("cc_num", {"topic": "transactions", "partition": 0, "offset": 0})
    assert second["field"] == "message"
    assert "4111111111111111" not in json.dumps(world.quarantine.records)
    assert "a bare card number is refused" in first["reason"]
    assert world.settle(1) == {0: 2}


def test_when_too_many_wait_reading_pauses_until_some_are_decided(tmp_path):
    world = World(tmp_path, max_pending=3)
    world.take(*[Message(number, transaction_message(number)) for number in range(4)])
    assert world.settle(1) == {0: 0}
    assert world.consumer.paused
    world.decide(0, 2)
    assert world.settle(2) == {0: 1}
    assert not world.consumer.paused
    assert len(world.pending) == 2


def test_partitions_that_another_reads_are_forgotten(world):
    world.take(Message(0, transaction_message(1)), Message(5, transaction_message(2), partition=1))
    world.pending.drop([0])
    assert world.settle(9) == {1: 6}
    assert [transaction_id for transaction_id, _ in world.decisions()] == ["t2"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        (b"{}", True),
        (b"{ }", True),
        (b'{"transaction_id":null}', True),
        (b'{"transaction_id":""}', False),
        (b'{"cc_num":null}', False),
        (b"null", False),
        (b"", False),
        (b"[" * 64, False),
        (transaction_message(1), False),
    ],
)
def test_heartbeats(value, expected):
    assert is_heartbeat(value) is expected


def test_a_long_message_is_cut_after_it_was_masked():
    from fraud.transaction import InvalidTransactionError  # noqa: PLC0415

    error = InvalidTransactionError("message", "too long", "less")
    record = quarantine_record(b"x" * 1_990 + b" 4111111111111111" * 500 + b"\xff", error, "transactions", 0, 0)
    assert len(record["message"]) == 2_000
    assert "4111" not in record["message"]
