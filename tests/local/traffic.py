"""Purchases at a steady rate into a standing application, and all that it writes about them, for as long as a test lasts."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Consumer, Producer, TopicPartition

from fraud.world import stream_messages
from local.application import Application
from local.sending import Purchases, of_known_cards
from tests.local.releases import CHANNEL

CHANNELS = ("app", "shop", "web")
MESSAGE_TIMEOUT_MS = 90_000


class Traffic:
    """Purchases of known cards; some are delivered twice, as Kafka may.

    Args:
        following: what the cards buy (see `local.sending.of_known_cards`).
        rate: purchases a second.
        duplicates: share of them that is sent again a moment later.

    Attributes:
        sent: the ids, in order.
        decided: every decision, as the decision store's stream tells it.
    """

    def __init__(self, application: Application, following: pa.Table, *, rate: int, duplicates: float = 0.05) -> None:
        self._application, self._following, self._rate, self._duplicates = application, following, rate, duplicates
        self._random = random.Random(7)
        self._stop, self._failure = threading.Event(), ""
        self.sent: list[str] = []
        self.decided: list[dict[str, Any]] = []
        self._feed = application.feed()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Sends as long as it is entered; all that was sent is acknowledged at its end."""
        thread = threading.Thread(target=self._send, name="traffic", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(120)
        assert not self._failure, self._failure

    def look(self) -> int:
        """Reads the decisions that were made meanwhile; how many there are by now. One that was replaced raises."""
        while new := self._feed.read():
            self.decided += new
        return len(self.decided)

    def _send(self) -> None:
        try:
            self._send_on()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            self._failure = repr(error)

    def _send_on(self) -> None:
        refused: list[str] = []
        producer = Producer(
            {
                "bootstrap.servers": self._application.brokers,
                "partitioner": "murmur2_random",
                "linger.ms": 1,
                "message.timeout.ms": MESSAGE_TIMEOUT_MS,
            }
        )
        started = time.monotonic()
        while not self._stop.is_set():
            bought = of_known_cards(self._following, self._rate, attack=False, now_ms=int(time.time() * 1000))
            again: list[tuple[str, bytes]] = []
            for number, (identity, key, message) in enumerate(_messages(bought)):
                wait = started + len(self.sent) / self._rate - time.monotonic()
                time.sleep(max(0.0, wait))
                producer.produce(
                    "transactions", message, key, on_delivery=lambda error, _: error and refused.append(str(error))
                )
                self.sent.append(identity)
                if self._random.random() < self._duplicates:
                    again.append((key, message))
                if again and number % 7 == 0:
                    producer.produce("transactions", again[0][1], again.pop(0)[0])
                producer.poll(0)
        assert producer.flush(120) == 0
        assert not refused, refused[0]


def _messages(bought: Purchases) -> Iterator[tuple[str, str, bytes]]:
    """(id, key, message), half of them with the field that a later release declares."""
    now = pa.array([int(time.time() * 1000)] * bought.rows.num_rows, pa.timestamp("ms", "UTC"))
    rows = bought.rows.set_column(bought.rows.column_names.index("event_time"), "event_time", now)
    keys, ids = rows["cc_num"].to_pylist(), rows["transaction_id"].to_pylist()
    for number, (identity, key, message) in enumerate(zip(ids, keys, stream_messages(rows), strict=True)):
        more = json.dumps({**json.loads(message), CHANNEL: CHANNELS[number % 3]}).encode()
        yield identity, key, more if number % 2 else message


class TopicCopy:
    """All that comes into a topic, also after the topic is gone."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.values: list[tuple[int, bytes]] = []
        self._brokers, self._topic, self._stop = brokers, topic, threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self) -> list[tuple[int, bytes]]:
        """(record time, value) of each record, by then."""
        time.sleep(2)
        self._stop.set()
        self._thread.join(20)
        return self.values

    def _read(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self._brokers, "group.id": f"copy-{self._topic}", "enable.auto.commit": False}
        )
        numbers = consumer.list_topics(self._topic, timeout=20).topics[self._topic].partitions
        consumer.assign([TopicPartition(self._topic, number, 0) for number in numbers])
        while not self._stop.is_set():
            for message in consumer.consume(1000, timeout=0.5):
                if message.error() is None:
                    self.values.append((message.timestamp()[1], message.value() or b""))
        consumer.close()


def as_table(copied: list[tuple[int, bytes]], columns: tuple[str, ...], path: Path) -> Path:
    """The transactions of a topic's copy, each once, by the time at which the broker had them first, as Parquet."""
    found: dict[str, dict[str, Any]] = {}
    for at_ms, value in sorted(copied, key=lambda one: one[0]):
        fields = json.loads(value)
        if (identity := fields.get("transaction_id")) and identity not in found:
            cents = round(float(fields["amount"]) * 100)
            found[identity] = {
                **{name: fields.get(name) for name in columns},
                "amount_cents": cents,
                "event_time": at_ms,
            }
    table = pa.Table.from_pylist(list(found.values()))
    moments = table["event_time"].cast(pa.timestamp("ms", "UTC"))
    pq.write_table(table.set_column(table.column_names.index("event_time"), "event_time", moments), path)
    return path
