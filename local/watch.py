"""The watch: every transaction of the topic `transactions` gets a decision, even if its features never come.

It refuses malformed transactions into quarantine, waits for each sound one's decision, and decides by the fallback rule what
is undecided for too long. What waits is also what is not committed, so a new start takes all of it up again.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from confluent_kafka import Message, TopicPartition

from fraud.deciding import decide_without_features
from fraud.decision import FallbackRule
from fraud.ports import DecisionStore
from fraud.transaction import InvalidTransactionError, is_heartbeat, parse_transaction
from local.consumer import CommittingConsumer, Partition
from local.quarantine import Quarantine

READ_AT_ONCE = 500
CHECKED_AT_ONCE = 500


class Waiting(NamedTuple):
    """A transaction without a known decision: where it is in its partition, and when (monotonic, s) it has waited too long."""

    partition: Partition
    offset: int
    transaction_id: str
    message: bytes
    trans_time: int
    due: float


class Pending:
    """The transactions that wait, and with them how far each partition is done.

    >>> pending = Pending()
    >>> pending.add(Waiting(partition=0, offset=5, transaction_id="t1", message=b"", trans_time=0, due=1.0))
    >>> pending.passed(0, 6)
    >>> pending.positions(), [waiting.offset for waiting in pending.due(2.0)]
    ({0: 5}, [5])
    >>> pending.remove(pending.due(2.0))
    >>> pending.positions()
    {0: 7}
    """

    def __init__(self) -> None:
        self._waiting: dict[Partition, dict[int, Waiting]] = defaultdict(dict)
        self._next: dict[Partition, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, waiting: Waiting) -> None:
        """Takes one in; within a partition in order."""
        self._waiting[waiting.partition][waiting.offset] = waiting
        self._next[waiting.partition] = waiting.offset + 1

    def passed(self, partition: Partition, offset: int) -> None:
        """A record that needs no decision."""
        self._next[partition] = offset + 1

    def due(self, now: float) -> list[Waiting]:
        """Those that have waited too long, by a monotonic clock in seconds."""
        found = []
        for waiting in self._waiting.values():
            for each in waiting.values():
                if each.due > now:
                    break
                found.append(each)
        return found

    def __iter__(self) -> Iterator[Waiting]:
        return chain.from_iterable(waiting.values() for waiting in self._waiting.values())

    def remove(self, waiting: list[Waiting]) -> None:
        """They have their decision."""
        for each in waiting:
            self._waiting[each.partition].pop(each.offset, None)

    def drop(self, partitions: list[Partition]) -> None:
        """Forgets partitions that are read by another now."""
        for partition in partitions:
            self._waiting.pop(partition, None)
            self._next.pop(partition, None)

    def positions(self) -> dict[Partition, int]:
        """Each partition's oldest waiting offset, or the next one to come."""
        return {part: next(iter(self._waiting[part]), end) for part, end in self._next.items()}


class Watch:
    """Reads `transactions` and sees that each is decided.

    Args:
        consumer: of that topic. Its `on_lost` should be `pending.drop`.
        pending: empty.
        store, quarantine, fallback: as for the deciding step, of this thread's own.
        undecided_after_s: how long a transaction waits for its features.
        max_pending: how many wait at most.
        clock: a monotonic one, in seconds.
    """

    def __init__(
        self,
        consumer: CommittingConsumer,
        pending: Pending,
        *,
        store: DecisionStore,
        quarantine: Quarantine,
        fallback: FallbackRule,
        undecided_after_s: float,
        max_pending: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer, self._pending, self._store, self._quarantine = consumer, pending, store, quarantine
        self._fallback, self._after_s, self._max_pending, self._clock = fallback, undecided_after_s, max_pending, clock
        self._paused = False

    def run(self, stop: threading.Event) -> None:
        """Goes on until `stop` is set."""
        check_every = min(0.25, self._after_s / 4)
        next_check = self._clock() + check_every
        while not stop.is_set():
            self.take(self._consumer.read(READ_AT_ONCE, linger_s=0.02))
            if self._clock() >= next_check or (self._full() and not self._paused):
                self.settle()
                next_check = self._clock() + check_every
        self._consumer.finished(self._pending.positions())

    def take(self, messages: list[Message]) -> None:
        """Takes messages in: sound ones wait, heartbeats are passed over, the rest goes to quarantine."""
        due = self._clock() + self._after_s
        refused = False
        for message in messages:
            value, partition, offset = message.value(), message.partition() or 0, message.offset() or 0
            if value is None or is_heartbeat(value):
                self._pending.passed(partition, offset)
                continue
            try:
                transaction_id = parse_transaction(value).transaction_id
            except InvalidTransactionError as error:
                self._quarantine.put(message, error)
                self._pending.passed(partition, offset)
                refused = True
            else:
                self._pending.add(Waiting(partition, offset, transaction_id, value, message.timestamp()[1], due))
        if refused:
            self._quarantine.flush()

    def settle(self) -> None:
        """Lets go of those that are decided, decides what has waited too long, and commits."""
        now = self._clock()
        waiting = list(self._pending) if self._full() else self._pending.due(now)
        for start in range(0, len(waiting), CHECKED_AT_ONCE):
            self._settle(waiting[start : start + CHECKED_AT_ONCE], now)
        self._consumer.finished(self._pending.positions())
        self._pause(self._full())

    def _full(self) -> bool:
        return len(self._pending) >= self._max_pending

    def _settle(self, waiting: list[Waiting], now: float) -> None:
        decided = self._store.decided([each.transaction_id for each in waiting])
        overdue = [each for each in waiting if each.due <= now and each.transaction_id not in decided]
        if overdue:
            decide_without_features(
                [(parse_transaction(each.message), each.trans_time) for each in overdue],
                f"no features within {self._after_s:g} s",
                store=self._store,
                fallback=self._fallback,
            )
        self._pending.remove([each for each in waiting if each.due <= now or each.transaction_id in decided])

    def _pause(self, pause: bool) -> None:
        if pause == self._paused:
            return
        assignment: list[TopicPartition] = self._consumer.kafka.assignment()
        (self._consumer.kafka.pause if pause else self._consumer.kafka.resume)(assignment)
        self._paused = pause
