"""What becomes of a batch that fails, of an answer that cannot be read, of a reader that is stopped; without an emulated AWS."""

from __future__ import annotations

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
from local import system

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


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE])
def test_the_ends_of_a_topic_are_asked_for_again(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    answers: list[Any] = [KafkaException(KafkaError(code)), {0: 3}]

    def ends(_brokers: str, _topic: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(system, "_ends", ends)
    assert system.topic_ends("127.0.0.1:1", "t") == {0: 3}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"FilterCriteria": {"Filters": []}}, "FilterCriteria"),
        ({"ParallelizationFactor": 2, "TumblingWindowInSeconds": 30}, "ParallelizationFactor, TumblingWindowInSeconds are"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPosition AT_TIMESTAMP"),
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


def test_the_settings_that_are_played_are_read() -> None:
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::failed"}}
    given = {"EventSourceArn": TOPIC, "Topics": ["t"], "DestinationConfig": destination, "BatchSize": "7"}
    assert source_kind(given) == "kafka"
    # page kafka-retry-configurations: with a destination and no number, "a maximum of 10 retry attempts"
    assert rules(given, 100) == Rules(size=7, window_s=0, retries=10, destination="arn:aws:s3:::failed")
