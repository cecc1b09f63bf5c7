"""One broker and two stream jobs for the whole session: one on replay topics, which computes further windows beside the product's
(`tests.parity.further`), and the product's on live topics with its own heartbeat."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from engines.broker import Broker
from engines.topics import suffixed
from local.replayer import DAY_MS, Record, Replayer
from local.stream_job import ROOT, STREAM_JOB, StreamJob
from local.topics import LIVE_TOPICS, PARTITIONS, REPLAY_TOPICS
from stacks.settings import Settings
from tests.parity.further import PROGRAM

QUIET_S = 1.0
"""How long nothing more must come before the output counts as complete."""


@dataclass
class FeatureReader:
    """Reads a topic of features from its beginning, whatever the consumer group."""

    brokers: str
    topic: str
    _consumer: Consumer = field(init=False)

    def __post_init__(self) -> None:
        settings = {"group.id": "reader", "fetch.wait.max.ms": 10, "log_level": 2}
        self._consumer = Consumer(settings | {"bootstrap.servers": self.brokers})
        self._consumer.assign([TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])

    def read(self, enough: Callable[[list[dict]], bool], timeout_s: float) -> list[dict]:
        """Messages until there are enough and then nothing more comes, or until the time runs out."""
        found: list[dict] = []
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            batch = self.poll(QUIET_S if enough(found) else 0.02)
            found += batch
            if not batch and enough(found):
                break
        return found

    def poll(self, timeout_s: float = 0.005) -> list[dict]:
        """What is there by now."""
        return [json.loads(each.value()) for each in self._consumer.consume(10_000, timeout_s) if not each.error()]

    def close(self) -> None:
        self._consumer.close()


@dataclass
class ReplayRun:
    """The job on replay topics. Time only goes on, so each test takes the next free stretch of it."""

    brokers: str
    topics: dict[str, str]
    reader: FeatureReader
    _next_ms: int = 1_600_000_000_000

    def stretch(self, days: int) -> int:
        """The start, in ms since 1970, of as many days that no one has used, with two days' space before them."""
        start = self._next_ms
        self._next_ms += (days + 2) * DAY_MS
        return start

    def run(self, records: list[Record], expected: int, duplicates: float = 0.0, timeout_s: float = 120) -> list[dict]:
        """What comes out for these records, waiting for as many messages as expected."""
        Replayer(self.brokers, self.topics["transactions"], duplicates=duplicates).replay(records)
        return self.reader.read(lambda found: len(found) >= expected, timeout_s)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


def job_over(broker: Broker, folder: Path, suffix: str, *, live: bool, program: Path = STREAM_JOB) -> StreamJob:
    """A job over topics of its own."""
    broker.create_topics(suffixed(LIVE_TOPICS if live else REPLAY_TOPICS, suffix))
    topics = {name: name + suffix for name in ("transactions", "features")}
    dev = Settings(env="dev")
    return StreamJob(
        folder,
        broker.address,
        heartbeat=live,
        topics=topics,
        checkpoint_interval_ms=1000 if live else 10_000,
        program=program,
        # the slower heartbeat of the two environments, and nothing that waits between operators
        features={"heartbeat.interval.ms": str(dev.heartbeat_ms), "flush.interval.ms": str(dev.flush_ms)}
        if live
        else {},
    )


@pytest.fixture(scope="session")
def replay_run(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayRun]:
    program = tmp_path_factory.mktemp("program") / "main.py"
    program.write_text(PROGRAM.format(root=str(ROOT), program=str(STREAM_JOB)))
    with job_over(broker, tmp_path_factory.mktemp("flink"), "-replay", live=False, program=program):
        topics = {name: f"{name}-replay" for name in ("transactions", "features")}
        reader = FeatureReader(broker.address, topics["features"])
        yield ReplayRun(broker.address, topics, reader)
        reader.close()


@pytest.fixture(scope="session")
def live_job(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamJob]:
    with job_over(broker, tmp_path_factory.mktemp("flink-live"), "-live", live=True) as job:
        yield job
