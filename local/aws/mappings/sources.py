"""What a mapping reads: a topic of a cluster, or the stream of a table."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from local.aws import ministack
from local.aws.mappings.batches import Record, Rules

_PATIENCE_S = 0.2
_LINGER_S = 0.003
"""A mapping without a window takes what is there; this lets the rest of a burst come along."""


class Source(Protocol):
    """Where records come from, for one reader."""

    def take(self) -> list[Record]:
        """The next batch; empty if nothing came for a moment."""
        ...

    def done(self, records: Sequence[Record]) -> None:
        """These are worked off."""
        ...

    def event(self, records: Sequence[Record]) -> dict[str, Any]:
        """The function's event."""
        ...

    def checkpoints(self, identifiers: Any) -> dict[str, int] | None:
        """See `local.aws.mappings.batches.Checkpoints`."""
        ...

    def described(self, records: Sequence[Record]) -> dict[str, Any]:
        """What a record of a failure says of the batch."""
        ...

    def close(self) -> None:
        """Ends reading."""
        ...


class TopicSource:
    """A topic of a cluster, in a consumer group."""

    def __init__(self, brokers: str, arn: str, topic: str, group: str, position: str, rules: Rules) -> None:
        self._brokers, self._arn, self._rules = brokers, arn, rules
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest" if position == "TRIM_HORIZON" else "latest",
                "fetch.wait.max.ms": 20,
                "fetch.error.backoff.ms": 10,
                "topic.metadata.refresh.interval.ms": 5000,
                "allow.auto.create.topics": False,
                "partition.assignment.strategy": "range",
            }
        )
        self._consumer.subscribe([topic])

    def take(self) -> list[Record]:
        first = self._consumer.poll(_PATIENCE_S)
        if first is None:
            return []
        messages = [first]
        deadline = time.monotonic() + (self._rules.window_s or _LINGER_S)
        while len(messages) < self._rules.size and (left := deadline - time.monotonic()) > 0:
            messages += self._consumer.consume(self._rules.size - len(messages), timeout=left)
        return [_kafka_record(message) for message in messages if _whole(message)]

    def done(self, records: Sequence[Record]) -> None:
        ends = {record.place: record.position + 1 for record in sorted(records, key=lambda one: one.position)}
        places = [(*place.rsplit("-", 1), end) for place, end in ends.items()]
        self._consumer.commit(
            offsets=[TopicPartition(topic, int(number), end) for topic, number, end in places], asynchronous=True
        )

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

    def checkpoints(self, identifiers: Any) -> dict[str, int] | None:
        lowest: dict[str, int] = {}
        for failure in identifiers:
            identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
            if not isinstance(identifier, dict) or not {"partition", "offset"} <= identifier.keys():
                return None
            place, position = identifier["partition"], int(identifier["offset"])
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

    def close(self) -> None:
        self._consumer.close()


def _whole(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    # a topic that is still to be made; a broker that starts again
    if error.retriable() or error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._ALL_BROKERS_DOWN):
        return False
    raise KafkaException(error)


def _kafka_record(message: Message) -> Record:
    kind, time_ms = message.timestamp()
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    body = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": time_ms,
        "timestampType": {1: "CREATE_TIME", 2: "LOG_APPEND_TIME"}.get(kind, "NO_TIMESTAMP_TYPE"),
        "headers": [{name: list(value or b"")} for name, value in message.headers() or []],
    }
    for name, value in (("key", message.key()), ("value", message.value())):
        if value is not None:
            body[name] = base64.b64encode(value).decode()
    return Record(f"{topic}-{partition}", offset, body, time_ms / 1000)


class TableStream:
    """The stream of a table: one place, whose positions are the emulator's; a record is named by its sequence number."""

    def __init__(self, arn: str, position: str, rules: Rules) -> None:
        self._arn, self._rules = arn, rules
        self._table = arn.split("/")[1]
        oldest, after_newest = ministack.stream_bounds(self._table)
        self._next = oldest if position == "TRIM_HORIZON" else after_newest
        self._numbers: dict[str, int] = {}

    def take(self) -> list[Record]:
        deadline = time.monotonic() + max(self._rules.window_s, _PATIENCE_S)
        while time.monotonic() < deadline:
            found = ministack.stream_records(self._table, self._next, self._rules.size)
            if len(found) >= self._rules.size or (found and not self._rules.window_s):
                break
            time.sleep(0.02)
        records = [
            Record(self._arn, self._next + index, body, float(body["dynamodb"]["ApproximateCreationDateTime"]))
            for index, body in enumerate(found)
        ]
        self._numbers = {one.body["dynamodb"]["SequenceNumber"]: one.position for one in records}
        return records

    def done(self, records: Sequence[Record]) -> None:
        self._next = max(record.position for record in records) + 1

    def event(self, records: Sequence[Record]) -> dict[str, Any]:
        return {"Records": [record.body for record in records]}

    def checkpoints(self, identifiers: Any) -> dict[str, int] | None:
        named = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in identifiers]
        if not all(name in self._numbers for name in named):
            return None
        return {self._arn: min(self._numbers[name] for name in named)}

    def described(self, records: Sequence[Record]) -> dict[str, Any]:
        numbers = [record.body["dynamodb"]["SequenceNumber"] for record in records]
        about = {"batchSize": len(records), "startSequenceNumber": numbers[0], "endSequenceNumber": numbers[-1]}
        return {"DDBStreamBatchInfo": {**about, "streamArn": self._arn}}

    def close(self) -> None:
        """Nothing to end."""
