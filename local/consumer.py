"""A Kafka consumer that commits what was finished, and nothing before."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

COMMIT_EVERY_S = 0.2
GATHER_BYTES = 262_144

Partition = int


class CommittingConsumer:
    """Reads one topic as a named member of a group.

    Args:
        bootstrap_servers: the broker's HOST:PORT.
        topic: what to read.
        group, member: a member that comes back under its name within the session's time keeps its partitions.
        gather_ms: how long the broker may gather records before it answers; 0 answers at the first.
        on_lost: told of partitions that another member has now, after the last commit.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        *,
        group: str,
        member: str,
        gather_ms: int = 0,
        on_lost: Callable[[list[Partition]], None] = lambda _: None,
    ) -> None:
        self._topic = topic
        self._on_lost = on_lost
        self._finished: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._next_commit = 0.0
        self.assigned = False
        self.kafka = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": group,
                "group.instance.id": f"{group}-{member}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                **({"fetch.min.bytes": GATHER_BYTES, "fetch.wait.max.ms": gather_ms} if gather_ms else {}),
                "reconnect.backoff.max.ms": 1_000,
            }
        )
        self.kafka.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke)

    def read(self, count: int, linger_s: float, wait_s: float = 0.1) -> list[Message]:
        """Up to `count` messages: waits `wait_s` for the first, then `linger_s` for more.

        Raises:
            KafkaException: the consumer cannot go on, for instance because another took its name.
        """
        first = self.kafka.poll(wait_s)
        if first is None:
            return []
        rest = self.kafka.consume(count - 1, linger_s) if count > 1 else []
        return [message for message in (first, *rest) if not _is_error(message)]

    def finished(self, positions: Mapping[Partition, int], *, now: bool = False) -> None:
        """Everything before these offsets is done. Commits every COMMIT_EVERY_S, or `now` and waiting for the broker."""
        self._finished.update(positions)
        if not now and time.monotonic() < self._next_commit:
            return
        self._next_commit = time.monotonic() + COMMIT_EVERY_S
        changed = {part: offset for part, offset in self._finished.items() if self._committed.get(part) != offset}
        if not changed:
            return
        offsets = [TopicPartition(self._topic, part, offset) for part, offset in changed.items()]
        try:
            if now:
                self.kafka.commit(offsets=offsets, asynchronous=False)
            else:
                self.kafka.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            # what stays uncommitted is read again, and a decision is recorded once however often it is read
            print(f"{self._topic}: not committed: {error}", file=sys.stderr, flush=True)
        else:
            self._committed.update(changed)

    def close(self) -> None:
        """Commits and leaves."""
        self.finished({}, now=True)
        self.kafka.close()

    def _assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.assigned = True
        for part in partitions:
            self._committed.pop(part.partition, None)

    def _revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.finished({}, now=True)
        for part in partitions:
            self._finished.pop(part.partition, None)
            self._committed.pop(part.partition, None)
        self._on_lost([part.partition for part in partitions])


def _is_error(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.fatal() or error.code() == KafkaError.FENCED_INSTANCE_ID:
        raise KafkaException(error)
    # the library goes on by itself when the broker is back
    print(f"{message.topic()}: {error.str()}", file=sys.stderr, flush=True)
    return True
