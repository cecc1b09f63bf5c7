"""The streaming system on this machine: a Kafka broker, the Flink job, the serving process and the deciding process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from engines.broker import Broker
from engines.flink import FlinkJob
from engines.processes import Process, ProcessError, free_port
from local.decider_settings import DeciderSettings
from local.replay import Replayer
from local.topics import LIVE_TOPICS, REPLAY_TOPICS

ROOT = Path(__file__).resolve().parent.parent
WARM_UP_TIMEOUT_S = 120
_PASSING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
}
"""What a busy broker answers now and then. `retriable()` knows none of them: it speaks of transactions alone."""


class StreamingSystem:
    """All four processes, as a context manager. Logs and data are below `folder`; leaving it ends them all.

    Args:
        folder: a temporary folder.
        model: what training wrote: `model.ubj` and `manifest.json`.
        nightly: the nightly store's file; see `local.stores.write_nightly`.
        replay: topics keep the data's own times, and the replayer brings the heartbeats; False is live traffic.
        undecided_after_s: when a transaction without features is decided by the fallback rule.
        say: told which process is being started.

    Raises:
        ProcessError: a process did not start; the text holds the end of its log.
    """

    def __init__(
        self,
        folder: Path,
        model: Path,
        nightly: Path,
        *,
        replay: bool = True,
        undecided_after_s: float = 10,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder, self.decisions = folder, folder / "decisions.db"
        self._replay, self._say = replay, say
        self._undecided_after_s, self._nightly = undecided_after_s, nightly
        self.broker = Broker(folder / "kafka")
        self.flink: FlinkJob | None = None
        self._port = free_port()
        self.serving = _python(
            "serving", "engines.serving", ["--model", model, "--port", str(self._port)], folder / "serving.log"
        )
        self.decider = _python(
            "deciding", "local.decider", ["--config", folder / "decider.json"], folder / "decider.log"
        )

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self._say("starting Kafka")
        self.broker.start()
        self.broker.create_topics(REPLAY_TOPICS if self._replay else LIVE_TOPICS)
        self._say("starting the model's server")
        self.serving.start()
        self._say("starting Flink")
        # One task of each kind is plenty for a replay's pace; each more costs its share of wake-ups, here and in the broker.
        self.flink = FlinkJob(self.folder / "flink", self.broker.address, heartbeat=not self._replay, parallelism=1)
        self.flink.start()
        self.serving.wait_until(lambda: "http://" in self.serving.log_tail(), "answered")
        settings = DeciderSettings(
            bootstrap_servers=self.broker.address,
            decisions=self.decisions,
            nightly=self._nightly,
            scoring_url=f"http://127.0.0.1:{self._port}",
            undecided_after_s=self._undecided_after_s,
        )
        (self.folder / "decider.json").write_text(settings.model_dump_json())

    def _stop(self) -> None:
        for process in (self.decider, self.serving, self.flink, self.broker):
            if process is not None:
                process.stop()

    def start_deciding(self) -> None:
        """Start the deciding process from where its group stands and wait until it reads."""
        self.decider.start()
        self.decider.wait_until(lambda: "deciding features" in self.decider.log_tail(), "read the topics")

    def warm_up(self, replayer: Replayer, records: list[tuple[int, bytes, bytes]], until_ms: int) -> None:
        """Give the stream job the day before, so that its windows are full when deciding begins; none of it is decided.

        Args:
            replayer: of this system's broker.
            records: (time, key, message) of the day before, in time order, each transaction once.
            until_ms: when deciding begins; the records are all earlier.
        """
        self._say("warming up the windows with the day before")
        replayer.replay(records, finish=False)
        replayer.heartbeat(until_ms)
        deadline = time.monotonic() + WARM_UP_TIMEOUT_S
        while sum(self.ends("features").values()) < len(records):
            if time.monotonic() > deadline:
                raise ProcessError(
                    f"the stream job had not given the features of {len(records)} transactions in {WARM_UP_TIMEOUT_S} s"
                )
            time.sleep(0.05)
        for topic, group in (("features", "deciding-features"), ("transactions", "deciding-watch")):
            self._skip_to_end(topic, group)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset after the last record of each partition."""
        return topic_ends(self.broker.address, topic)

    def messages(self, topic: str, since: dict[int, int] | None = None) -> list[bytes]:
        """Everything in a topic up to now, from the offsets `since` on."""
        return read_messages(self.broker.address, topic, since)

    def _skip_to_end(self, topic: str, group: str) -> None:
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": group})
        try:
            consumer.commit(
                offsets=[TopicPartition(topic, number, end) for number, end in self.ends(topic).items()],
                asynchronous=False,
            )
        finally:
            consumer.close()


def topic_ends(brokers: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition of a topic."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return _ends(brokers, topic)
        except KafkaException as error:
            # On a busy machine the broker may miss its own controller's heartbeat and lead nothing for a moment.
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _ends(brokers: str, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "ends"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        }
    finally:
        consumer.close()


def read_messages(brokers: str, topic: str, since: dict[int, int] | None = None) -> list[bytes]:
    """Everything in a topic up to now, from the offsets `since` on."""
    ends = {number: end for number, end in topic_ends(brokers, topic).items() if end > (since or {}).get(number, 0)}
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reading", "enable.auto.commit": False})
    found: list[bytes] = []
    try:
        consumer.assign([TopicPartition(topic, number, (since or {}).get(number, 0)) for number in ends])
        while ends:
            for message in consumer.consume(10_000, timeout=0.2):
                if message.error() is None and message.offset() < ends.get(message.partition(), 0):
                    found.append(message.value() or b"")
            at = {
                place.partition: place.offset for place in consumer.position([TopicPartition(topic, n) for n in ends])
            }
            ends = {number: end for number, end in ends.items() if at[number] < end}
    finally:
        consumer.close()
    return found


def _python(name: str, module: str, arguments: list[str | Path], log_path: Path) -> Process:
    # One thread each: a batch is small, and the broker and Flink need the cores.
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return Process(name, [sys.executable, "-m", module, *arguments], environment, log_path=log_path)
