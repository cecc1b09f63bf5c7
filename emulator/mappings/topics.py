"""A topic of a cluster as a mapping's source."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from emulator.mappings.batches import Record, Rules
from emulator.mappings.sources import PATIENCE_S

_LINGER_S = 0.02
"""A mapping without a window takes what is there. This lets what comes right behind it come along: a call of a function costs
much the same for one record as for ten."""
_GATHER_S = 0.5
_GATHERED = {"fetch.min.bytes": 1_000_000, "fetch.wait.max.ms": round(1000 * _GATHER_S)}
"""What has a window is gathered by the broker: an answer of it costs much the same, however little is in it."""
_ANSWER_WITHIN_S = 20.0
_LONGEST_BATCH_MS = 86_400_000
"""The longest that a consumer may stay away from its group without being put out of it; Kafka's client knows no longer one."""
_PASSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
}
"""What the client goes over by itself: a topic that is still to be made, a broker that starts again."""


class TopicSource:
    """A topic of a cluster, in a consumer group.

    Args:
        position: where a group begins that has read nothing yet: at a StartingPosition.
        since_s: with AT_TIMESTAMP, at the first record that is not older than this, seconds since 1970.
    """

    def __init__(
        self,
        brokers: str,
        arn: str,
        topic: str,
        group: str,
        position: str,
        rules: Rules,
        *,
        since_s: float | None = None,
    ) -> None:
        self._since_s = since_s
        self._brokers, self._arn, self._topic, self._rules = brokers, arn, topic, rules
        self._settings = {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest" if position == "TRIM_HORIZON" else "latest",
            **(_GATHERED if rules.window_s else {}),
            "fetch.error.backoff.ms": 10,
            "topic.metadata.refresh.interval.ms": 5000,
            "allow.auto.create.topics": False,
            "partition.assignment.strategy": "range",
            # a batch is tried again for as long as its rules say, with no poll between
            "max.poll.interval.ms": _LONGEST_BATCH_MS,
        }
        self._consumer = self._begun()

    def _begun(self) -> Consumer:
        consumer = Consumer(self._settings)
        if self._since_s is None:
            consumer.subscribe([self._topic])
        else:
            consumer.subscribe([self._topic], on_assign=self._placed)
        return consumer

    def _placed(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        """A group that exists goes on where it was, wherever a mapping is to begin (page *kafka-consumer-group-id*)."""
        places = consumer.committed(given, timeout=_ANSWER_WITHIN_S)
        fresh = [one for one in places if one.offset < 0]
        at_ms = round((self._since_s or 0) * 1000)
        asked = [TopicPartition(one.topic, one.partition, at_ms) for one in fresh]
        begun = consumer.offsets_for_times(asked, timeout=_ANSWER_WITHIN_S) if asked else []
        consumer.assign([*(one for one in places if one.offset >= 0), *begun])

    def take(self, stopping: threading.Event) -> list[Record]:
        first = self._consumer.poll(PATIENCE_S)
        if first is None:
            return []
        messages = [first]
        deadline = time.monotonic() + max(self._rules.window_s - _GATHER_S, _LINGER_S)
        while len(messages) < self._rules.size and (left := deadline - time.monotonic()) > 0:
            if stopping.is_set():
                return []
            messages += self._consumer.consume(self._rules.size - len(messages), timeout=min(left, PATIENCE_S))
        return [_kafka_record(message) for message in messages if _whole(message)]

    def done(self, records: Sequence[Record]) -> None:
        ends = {record.place: record.position + 1 for record in sorted(records, key=lambda one: one.position)}
        places = [(place.rpartition("-"), end) for place, end in ends.items()]
        offsets = [TopicPartition(topic, int(number), end) for (topic, _, number), end in places]
        self._consumer.commit(offsets=offsets, asynchronous=True)

    def event(self, records: Sequence[Record]) -> dict[str, Any]:
        grouped: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            grouped.setdefault(record.place, []).append(record.body)
        return {
            "eventSource": "aws:kafka",
            "eventSourceArn": self._arn,
            "bootstrapServers": self._brokers,
            "records": grouped,
        }

    def checkpoints(self, identifiers: Sequence[Any]) -> dict[str, int] | None:
        lowest: dict[str, int] = {}
        for identifier in identifiers:
            given = identifier if isinstance(identifier, dict) else {}
            place, position = given.get("partition"), given.get("offset")
            if type(position) is not int or not isinstance(place, str):
                return None
            lowest[place] = min(position, lowest.get(place, position))
        return lowest

    def described(self, records: Sequence[Record]) -> dict[str, Any]:
        places = {
            place: {
                "batchSize": len(positions),
                "firstRecordOffset": min(positions),
                "lastRecordOffset": max(positions),
            }
            for place in dict.fromkeys(record.place for record in records)
            if (positions := [record.position for record in records if record.place == place])
        }
        about = {"batchSize": len(records), "eventSourceArn": self._arn, "bootstrapServers": self._brokers}
        return {"KafkaBatchInfo": {**about, "recordsInfo": places}}

    def renew(self) -> None:
        self.close()
        self._consumer = self._begun()

    def close(self) -> None:
        with contextlib.suppress(KafkaException, RuntimeError):  # it may be closed already, or its broker be gone
            self._consumer.close()


def _whole(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() in _PASSING:
        return False
    raise KafkaException(error)


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    found: Any = message.headers()  # a list here: what is given to a producer may be a dictionary
    return found or []


def _kafka_record(message: Message) -> Record:
    kind, time_ms = message.timestamp()
    topic, partition, offset = message.topic(), message.partition(), message.offset() or 0
    body: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": time_ms,
        "timestampType": {1: "CREATE_TIME", 2: "LOG_APPEND_TIME"}.get(kind, "NO_TIMESTAMP_TYPE"),
        "headers": [{name: list(value or b"")} for name, value in _headers(message)],
    }
    for name, value in (("key", message.key()), ("value", message.value())):
        if value is not None:
            body[name] = base64.b64encode(value).decode()
    return Record(f"{topic}-{partition}", offset, body, time_ms / 1000)
