"""What becomes of a batch that fails, of an answer that cannot be read, of a reader that is stopped; without an emulated AWS."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from emulator.mappings import topics
from emulator.mappings.batches import Delivery, Record, Rules, rules
from emulator.mappings.settings import source_kind
from emulator.mappings.topics import TopicSource
from engines.processes import free_port

TOPIC = "arn:aws:kafka:us-east-1:123456789012:cluster/main/1"


def source(**given: Any) -> TopicSource:
    return TopicSource(f"127.0.0.1:{free_port()}", TOPIC, "t", "g", "TRIM_HORIZON", Rules(size=4, window_s=0, **given))


def batch(count: int = 3) -> list[Record]:
    return [Record("t-0", position, {}, time.time()) for position in range(count)]


@pytest.mark.parametrize(
    "failures",
    [
        {"itemIdentifier": {"partition": "t-0", "offset": 1}},
        [{"itemIdentifier": {"partition": "t-0", "offset": "first"}}],
        [{"itemIdentifier": {"partition": ["t-0"], "offset": 1}}],
        [{"itemIdentifier": {"partition": "t-0", "offset": 99}}],
        [{"itemIdentifier": {"partition": "t-0"}}],
        [{"itemIdentifier": ""}],
        [{"id": "t-0"}],
        "t-0",
        7,
    ],
)
def test_an_answer_that_cannot_be_read_fails_the_whole_batch(failures: Any) -> None:
    calls, given_up = [], []

    def invoke(records: Any) -> tuple[Any, bool]:
        calls.append(len(records))
        return {"batchItemFailures": failures}, False

    said = Rules(size=10, window_s=0, partial=True, retries=1)
    delivery = Delivery(
        said, invoke, source().checkpoints, lambda *given: given_up.append(given[1:]), threading.Event()
    )
    assert delivery.deliver(batch())
    assert (calls, given_up) == ([3, 3], [("RetryAttemptsExhausted", 2)])


def test_a_batch_without_a_limit_is_tried_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    stopping = SimpleNamespace(is_set=lambda: False, wait=lambda s: waited.append(s) or len(waited) > 1200)
    endless = Delivery(Rules(size=10, window_s=0), lambda _: (None, True), lambda _: None, print, stopping)  # type: ignore[arg-type]
    assert not endless.deliver(batch())
    assert (waited[0], waited[-1], len(waited)) == (0.2, 5.0, 1201)


def test_halving_ends_with_the_reader() -> None:
    calls, stopping = [], threading.Event()

    def invoke(records: Any) -> tuple[Any, bool]:
        calls.append(len(records))
        stopping.set()
        return None, True

    halving = Delivery(Rules(size=99, window_s=0, bisect=True), invoke, lambda _: None, print, stopping)
    assert not halving.deliver(batch(64))
    assert calls == [64]


class Polled:
    """A consumer with one message, or one error."""

    def __init__(self, error: int | None = None) -> None:
        found = KafkaError(error) if error is not None else None
        self._message = SimpleNamespace(
            error=lambda: found, timestamp=lambda: (1, 0), topic=lambda: "t", partition=lambda: 0, offset=lambda: 0,
            headers=lambda: None, key=lambda: None, value=lambda: b"",
        )  # fmt: skip

    def poll(self, _timeout: float) -> Any:
        return self._message

    def consume(self, _count: int, timeout: float) -> list[Any]:
        time.sleep(timeout)
        return []


def test_a_window_ends_with_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, stopping = (
        TopicSource("127.0.0.1:1", TOPIC, "t", "g", "LATEST", Rules(size=4, window_s=300)),
        threading.Event(),
    )
    monkeypatch.setattr(reading, "_consumer", Polled())
    threading.Timer(0.1, stopping.set).start()
    began = time.monotonic()
    assert reading.take(stopping) == []
    assert time.monotonic() - began < 1


def test_a_broker_that_starts_again_is_waited_for_and_what_is_not_known_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = source()
    for code in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError.LEADER_NOT_AVAILABLE):
        monkeypatch.setattr(reading, "_consumer", Polled(code))
        assert reading.take(threading.Event()) == []
    monkeypatch.setattr(reading, "_consumer", Polled(KafkaError.GROUP_AUTHORIZATION_FAILED))
    with pytest.raises(KafkaException):
        reading.take(threading.Event())


def test_a_consumer_stays_in_its_group_for_as_long_as_its_rules_may_try(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(topics, "Consumer", lambda given: made.append(given) or SimpleNamespace(subscribe=print))
    source()
    # six tries of five minutes, of a batch and of each of its halves
    assert made[0]["max.poll.interval.ms"] >= 4 * 3600 * 1000


def test_a_window_lets_the_broker_gather_and_without_one_it_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(topics, "Consumer", lambda given: made.append(given) or SimpleNamespace(subscribe=print))
    for window_s in (0, 1):
        TopicSource("127.0.0.1:1", TOPIC, "t", "g", "LATEST", Rules(size=4, window_s=window_s))
    at_once, gathered = made
    assert at_once.get("fetch.min.bytes", 1) == 1
    assert gathered["fetch.min.bytes"] > 1
    assert gathered["fetch.wait.max.ms"] < 1000


@pytest.mark.parametrize(("window_s", "seconds"), [(0, 0.02), (1, 0.5)])
def test_a_batch_waits_no_longer_than_its_window(
    monkeypatch: pytest.MonkeyPatch, window_s: float, seconds: float
) -> None:
    """Of which the broker may have taken half a second to gather the first of it."""
    reading = TopicSource("127.0.0.1:1", TOPIC, "t", "g", "LATEST", Rules(size=4, window_s=window_s))
    monkeypatch.setattr(reading, "_consumer", Polled())
    waited: list[float] = []
    moments = iter(number / 100 for number in range(1000))
    monkeypatch.setattr(Polled, "consume", lambda _self, _count, timeout: waited.append(timeout) or [])
    monkeypatch.setattr(topics.time, "monotonic", lambda: next(moments))
    assert len(reading.take(threading.Event())) == 1
    assert max(waited) <= seconds
    assert len(waited) == pytest.approx(100 * seconds, abs=1)


class Changes:
    """A table's stream with so many records."""

    def __init__(self, count: int) -> None:
        self.read: list[int] = []
        self.records = [
            {"dynamodb": {"SequenceNumber": str(n), "ApproximateCreationDateTime": 0}} for n in range(count)
        ]

    def stream_bounds(self, _table: str) -> tuple[int, int]:
        return 0, len(self.records)

    def stream_records(self, _table: str, position: int, most: int) -> list[dict[str, Any]]:
        self.read.append(position)
        return self.records[position : position + most]


@pytest.mark.parametrize(("window_s", "size", "taken"), [(0, 10, 3), (0.3, 10, 3), (300, 3, 3), (300, 2, 2)])
def test_a_tables_changes_are_read_once_a_batch(
    monkeypatch: pytest.MonkeyPatch, window_s: float, size: int, taken: int
) -> None:
    changes = Changes(3)
    monkeypatch.setitem(sys.modules, "emulator.hosted.ministack", changes)
    monkeypatch.delitem(sys.modules, "emulator.hosted.streams", raising=False)
    streams = importlib.import_module("emulator.hosted.streams")
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/decisions/stream/1"
    reading = streams.TableStream(table, "TRIM_HORIZON", Rules(size=size, window_s=window_s))
    began = time.monotonic()
    records = reading.take(threading.Event())
    assert [record.position for record in records] == list(range(taken))
    assert changes.read == [0]
    assert time.monotonic() - began < 10
    reading.done(records)
    assert reading._next == taken


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"FilterCriteria": {"Filters": []}}, "FilterCriteria"),
        ({"ParallelizationFactor": 2, "TumblingWindowInSeconds": 30}, "ParallelizationFactor, TumblingWindowInSeconds are"),
        ({"StartingPosition": "AT_SEQUENCE_NUMBER"}, "StartingPosition AT_SEQUENCE_NUMBER"),
        ({"ProvisionedPollerConfig": {"Pollers": 3}}, "ProvisionedPollerConfig.Pollers"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:events:::a"}}}, "DestinationConfig arn:aws:events"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "kafka://again"}}}, "DestinationConfig kafka://again"),
        ({"Topics": ["a", "b"]}, "Topics other than one"),
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/a"}, "mapping of arn:aws:kinesis"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:q", "MaximumBatchingWindowInSeconds": 5}, "of a queue"),
    ],
)  # fmt: skip
def test_a_setting_that_is_not_played_is_refused_by_its_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"{named}.*not implemented here"):
        source_kind({"EventSourceArn": TOPIC, "FunctionName": "f", "Topics": ["t"], **given})


@pytest.mark.parametrize(
    "given", [{"StartingPosition": "AT_TIMESTAMP"}, {"StartingPosition": "LATEST", "StartingPositionTimestamp": 5}]
)
def test_a_moment_and_no_other_position_goes_with_at_timestamp(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="AT_TIMESTAMP goes with StartingPositionTimestamp"):
        source_kind({"EventSourceArn": TOPIC, "FunctionName": "f", "Topics": ["t"], **given})


def test_the_settings_that_are_played_are_read() -> None:
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::failed"}}
    given = {"EventSourceArn": TOPIC, "Topics": ["t"], "DestinationConfig": destination, "BatchSize": "7"}
    assert source_kind(given) == "kafka"
    # page kafka-retry-configurations: with a destination and no number, "a maximum of 10 retry attempts"
    assert rules(given, 100) == Rules(size=7, window_s=0, retries=10, destination="arn:aws:s3:::failed")
