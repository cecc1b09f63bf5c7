"""The topic `quarantine`: messages that broke a contract, each with its reason and without card numbers."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import KafkaException, Message, Producer

from fraud.quarantine import quarantine_record
from fraud.transaction import InvalidTransactionError

DELIVERY_S = 30.0


class Quarantine:
    """Writes to the topic. A message may come twice after a crash; its key, `topic/partition/offset`, tells.

    Args:
        bootstrap_servers: the broker's HOST:PORT.
        topic: where the records go.
    """

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 0})
        self._topic = topic
        self._failures: list[str] = []

    def put(self, message: Message, error: InvalidTransactionError) -> None:
        """Sends one message with its reason; `flush` makes sure of it."""
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        record = quarantine_record(message.value(), error, topic, partition, offset)
        self._producer.produce(
            self._topic,
            key=f"{topic}/{partition}/{offset}",
            value=json.dumps(record),
            on_delivery=self._delivered,
        )

    def flush(self) -> None:
        """Waits until the broker has everything.

        Raises:
            KafkaException: it has not, so the source's offsets must not be committed.
        """
        left = self._producer.flush(DELIVERY_S)
        if left or self._failures:
            raise KafkaException(
                f"{left or len(self._failures)} records did not reach {self._topic}: {self._failures[:1]}"
            )

    def _delivered(self, error: Any, _: Message) -> None:
        if error is not None:
            self._failures.append(str(error))
