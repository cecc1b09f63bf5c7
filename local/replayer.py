"""Replays recorded transactions into Kafka: the data's own times, at any rate, with the heartbeats that let time pass.

A heartbeat of time T in a partition promises that no earlier record follows there. The records come in time order, so the
replayer can promise the time of the next record as soon as the last one is sent: that is its clock, and each heartbeat carries
it to every partition. A redelivered record carries it, too.
"""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Producer

from local.topics import PARTITIONS

HEARTBEAT = b'{"transaction_id":null}'
DAY_MS = 86_400_000


class Record(NamedTuple):
    """A message to replay: `timestamp_ms` since 1970 is its record timestamp, `key` the card's token."""

    timestamp_ms: int
    key: bytes
    value: bytes


@dataclass
class Sent:
    """What a replay did.

    Attributes:
        sent_s: for each record in the order given, the wall time (`time.time()`) when it was first handed to Kafka.
        records: how many were sent, redeliveries included, heartbeats not.
        duplicates: how many of them were redeliveries.
        elapsed_s: wall time from the first record to Kafka's last acknowledgement.
    """

    sent_s: list[float] = field(default_factory=list)
    records: int = 0
    duplicates: int = 0
    elapsed_s: float = 0.0


class Replayer:
    """Replays records into one topic.

    Args:
        brokers: HOST:PORT of the broker.
        topic: a topic that keeps the records' times (`local.topics.REPLAY_TOPICS`).
        partitions: of the topic.
        heartbeat_interval_s: wall time between heartbeats.
        duplicates: share of the records that are delivered again, within the next hundred.
        seed: of the choice of those.

    Example::

        sent = Replayer(broker.address).replay(records, rate=200)
    """

    def __init__(
        self,
        brokers: str,
        topic: str = "transactions",
        *,
        partitions: int = PARTITIONS,
        heartbeat_interval_s: float = 0.01,
        duplicates: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0 <= duplicates < 1:
            raise ValueError(f"duplicates: {duplicates}; allowed: a share from 0 up to, not including, 1")
        self._topic, self._partitions, self._interval_s = topic, partitions, heartbeat_interval_s
        self._duplicates, self._random = duplicates, random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
        self._failures: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 1,
                "log_level": 2,
                "batch.size": 262_144,
                "queue.buffering.max.messages": 200_000,
            }
        )

    def replay(
        self,
        records: Iterable[Record],
        *,
        rate: float | None = None,
        speed_up: float | None = None,
        finish: bool = True,
    ) -> Sent:
        """Sends the records, in time order, and waits until Kafka has them all.

        Args:
            records: in time order.
            rate: records a second of wall time; without it and without `speed_up`, as fast as Kafka takes them.
            speed_up: seconds of the data's time in a second of wall time, instead of a rate.
            finish: end with a heartbeat a day after the last record, so that the last results come out. After that, only later
                records may follow. False if more are to come.

        Raises:
            ValueError: the records are not in time order, or both rate and speed-up are given.
            RuntimeError: Kafka did not take a record.
        """
        if rate is not None and speed_up is not None:
            raise ValueError("a rate and a speed-up exclude each other")
        sent, clock_ms, started = Sent(), 0, time.perf_counter()
        next_heartbeat = started
        for number, (record, again) in enumerate(self._with_redeliveries(records)):
            timestamp_ms, key, value = record
            if timestamp_ms < clock_ms and not again:
                raise ValueError(f"record {number} has time {timestamp_ms}, before the last one's, {clock_ms}")
            if number == 0:
                first_ms = timestamp_ms
            clock_ms = max(clock_ms, timestamp_ms)
            if rate or speed_up:
                due_s = number / rate if rate else (clock_ms - first_ms) / 1000 / (speed_up or 1)
                next_heartbeat = self._wait(started + due_s, next_heartbeat, clock_ms)
            if not again:
                sent.sent_s.append(time.time())
            self._send(key, value, clock_ms)
            sent.records += 1
            sent.duplicates += again
            if time.perf_counter() >= next_heartbeat:
                next_heartbeat = self._beat(clock_ms)
        if finish and sent.records:
            self._beat(clock_ms + DAY_MS)
        self._flush()
        sent.elapsed_s = time.perf_counter() - started
        return sent

    def heartbeat(self, timestamp_ms: int) -> None:
        """One heartbeat of that time to every partition, and waits until Kafka has it."""
        self._beat(timestamp_ms)
        self._flush()

    def _with_redeliveries(self, records: Iterable[Record]) -> Iterator[tuple[Record, bool]]:
        # Redeliveries wait in a heap until their place comes: (place, its number, record).
        waiting: list[tuple[int, int, Record]] = []
        for number, record in enumerate(records):
            while waiting and waiting[0][0] <= number:
                yield heapq.heappop(waiting)[2], True
            yield record, False
            if self._duplicates and self._random.random() < self._duplicates:
                heapq.heappush(waiting, (number + self._random.randint(1, 100), number, record))
        while waiting:
            yield heapq.heappop(waiting)[2], True

    def _wait(self, until: float, next_heartbeat: float, clock_ms: int) -> float:
        while (now := time.perf_counter()) < until:
            if now >= next_heartbeat:
                next_heartbeat = self._beat(clock_ms)
            self._producer.poll(0)
            # Until there is something to send, and no shorter: the engines need the cores.
            time.sleep(max(0.0005, min(until, next_heartbeat if clock_ms else until) - now))
        return next_heartbeat

    def _beat(self, timestamp_ms: int) -> float:
        for partition in range(self._partitions):
            self._send(None, HEARTBEAT, timestamp_ms, partition)
        self._producer.poll(0)
        return time.perf_counter() + self._interval_s

    def _send(self, key: bytes | None, value: bytes, timestamp_ms: int, partition: int = -1) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, partition, timestamp=timestamp_ms, on_delivery=self._delivered
                )
                break
            except BufferError:
                self._producer.poll(0.05)

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self._failures.append(str(error))

    def _flush(self) -> None:
        waiting = self._producer.flush(60)
        if waiting or self._failures:
            reason = self._failures[0] if self._failures else "no answer for 60 s"
            raise RuntimeError(f"Kafka did not take {waiting + len(self._failures)} records of {self._topic}: {reason}")
