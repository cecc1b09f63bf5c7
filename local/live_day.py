"""A day of transactions through the stacks: sent into their topic, decided by their functions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from emulator.process import EmulatedAws
from local.application import Application, ApplicationError, DecisionFeed
from local.decided_day import StreamRun
from local.pace import BEHIND_S, BUSY, STEP_S, STEPS, busy_share, pace_to_hold
from local.replayer import DAY_MS, Record, Replayer
from local.rows import records, split_by_time
from local.screen import Screen
from local.topic_contents import read_messages, topic_ends

Faults = Callable[[EmulatedAws, Application], Callable[[float], bool]]
"""Given what stands, a function of the seconds since the first record that does harm to it, and says whether the rest of the day
has to wait: until then it sends no more than the first two thirds, so that harm on a slow machine still meets traffic."""

PATIENCE_S = 90
"""How long a run waits without any progress."""
LATEST = 12


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a day is sent.

    Attributes:
        rate: transactions a second; None for what this machine can hold (see `local.pace`).
        duplicates: share of the transactions that Kafka delivers twice.
    """

    rate: float | None
    duplicates: float = 0.0


def replay_day(
    application: Application,
    history: pa.Table,
    live: pa.Table,
    from_ms: int,
    pace: Pace,
    screen: Screen,
    faults: Callable[[float], bool] | None = None,
) -> StreamRun:
    """The day before fills the windows, and is decided like any other; then the day itself.

    Args:
        history: rows before `from_ms`.
        live: rows from then on.
        pace: how fast they are sent.
        faults: harm to do meanwhile, as `Faults` gives it.

    Raises:
        ApplicationError: a function came no further, a decision was replaced, or Kafka did not take the transactions.
    """
    readers = application.readers()
    replayer = Replayer(application.brokers, duplicates=pace.duplicates)
    before = records(split_by_time(history, from_ms - DAY_MS)[1])
    tried = [] if pace.rate else before[-sum(STEPS) * STEP_S :]
    screen.progress("filling the windows with the day before", 0, 1)
    feed = application.feed()
    Replayer(application.brokers).replay(before[: len(before) - len(tried)], finish=False)
    replayer.heartbeat(tried[0].timestamp_ms if tried else from_ms)
    _decided(feed, len(before) - len(tried))
    _caught_up(application, readers)
    rate = pace.rate or _found(application, replayer, feed, tried, from_ms, screen)
    _caught_up(application, readers)
    since = topic_ends(application.brokers, application.features_topic)
    sending = Sending(replayer, records(live), rate, waits=faults is not None)
    started = time.monotonic()
    sending.start()
    decided: list[dict[str, Any]] = []
    deadline = started + PATIENCE_S
    while len(decided) < live.num_rows and time.monotonic() < deadline:
        time.sleep(0.25)
        if new := feed.read():
            decided += new
            deadline = time.monotonic() + PATIENCE_S
        screen.live(sending.count, live.num_rows, decided[: -LATEST - 1 : -1])
        if faults and not faults(time.monotonic() - started):
            sending.go_on()
    seconds = time.monotonic() - started
    sending.go_on()
    sending.join()
    if sending.failure:
        raise ApplicationError(f"the transactions were not sent: {sending.failure}") from sending.failure
    features = all_features(
        lambda: read_messages(application.brokers, application.features_topic, since), live.num_rows, PATIENCE_S
    )
    # what a restarted job has written again is decided no second time
    _caught_up(application, readers)
    while feed.read():
        pass
    return StreamRun(
        transactions=live.num_rows,
        duplicates_sent=sending.duplicates,
        sent_ms=sending.sent_ms(),
        features=features,
        rate=rate,
        quarantined=len(application.keys("ArchiveBucket", "quarantine/")),
        finished=len(decided) >= live.num_rows,
        seconds=seconds,
    )


def _found(
    application: Application,
    replayer: Replayer,
    feed: DecisionFeed,
    rows: list[Record],
    from_ms: int,
    screen: Screen,
) -> float:
    """The pace to hold, tried on rows that come before the day."""
    left = list(rows)

    def kept_up(rate: int) -> bool:
        if len(left) < rate * STEP_S:  # too few to tell
            return False
        screen.progress(f"looking for the pace: {rate} transactions a second", 0, 1)
        step, left[:] = left[: rate * STEP_S], left[rate * STEP_S :]
        busy_share()
        Replayer(application.brokers).replay(step, rate=rate, finish=False)
        replayer.heartbeat(left[0].timestamp_ms if left else from_ms)
        sent = time.monotonic()
        _decided(feed, len(step))
        return time.monotonic() - sent < BEHIND_S and busy_share() <= BUSY

    rate = pace_to_hold(kept_up)
    # the windows hold all that came before, as ever
    Replayer(application.brokers).replay(left, finish=False)
    replayer.heartbeat(from_ms)
    _decided(feed, len(left))
    return rate


def _decided(feed: DecisionFeed, count: int) -> None:
    """Waits until so many decisions are made."""
    seen, deadline = 0, time.monotonic() + PATIENCE_S
    while seen < count:
        if new := len(feed.read()):
            seen, deadline = seen + new, time.monotonic() + PATIENCE_S
        if time.monotonic() > deadline:
            raise ApplicationError(f"{seen} of {count} transactions were decided, and none for {PATIENCE_S} s")
        time.sleep(0.1)


def _caught_up(application: Application, readers: list[str]) -> None:
    """Waits until the mappings have worked off what is in the topic: none of it makes the day itself wait."""
    behind, deadline = -1, time.monotonic() + PATIENCE_S
    while left := sum(application.lag(group, application.features_topic) for group in readers):
        if left != behind:
            behind, deadline = left, time.monotonic() + PATIENCE_S
        if time.monotonic() > deadline:
            raise ApplicationError(f"the functions are {left} records behind, and came no further for {PATIENCE_S} s")
        time.sleep(0.2)


def all_features(read: Callable[[], list[bytes]], transactions: int, patience_s: float) -> list[dict[str, Any]]:
    """The features of every transaction: after a restart the stream job may come to some that the fallback rule has decided.

    Args:
        read: gives all that the stream job has written so far.
        transactions: how many different ones are waited for.
        patience_s: how long.
    """
    give_up = time.monotonic() + patience_s
    while True:
        found = [json.loads(message) for message in read()]
        if len({record["transaction_id"] for record in found}) >= transactions or time.monotonic() > give_up:
            return found
        time.sleep(0.5)


class Sending(threading.Thread):
    """The replay, beside whoever watches it.

    Args:
        waits: the last third of the records is sent only after `go_on`.

    Attributes:
        count: records handed over so far.
        duplicates, sent_s: as `local.replayer.Sent` has them, once it has ended.
        failure: what ended it early.
    """

    def __init__(self, replayer: Replayer, records: list[Record], rate: float, *, waits: bool = False) -> None:
        super().__init__(name="replay", daemon=True)
        self._may_go_on = threading.Event()
        self._first = len(records) * 2 // 3 if waits else 0
        self.replayer, self.records, self.rate = replayer, records, rate
        self.count, self.duplicates = 0, 0
        self.sent_s: list[float] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            if self._first:
                self._send(self.records[: self._first], finish=False)
                self._may_go_on.wait()
            self._send(self.records[self._first :], finish=True)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for this one
            self.failure = error

    def sent_ms(self) -> dict[str, float]:
        """{transaction_id: wall clock when it was first handed to Kafka, milliseconds}, once it has ended."""
        ids = [json.loads(message)["transaction_id"] for _, _, message in self.records]
        return {identity: at * 1000 for identity, at in zip(ids, self.sent_s, strict=True)}

    def go_on(self) -> None:
        """Nothing has to wait any more."""
        self._may_go_on.set()

    def _send(self, records: list[Record], *, finish: bool) -> None:
        sent = self.replayer.replay(self._counted(records), rate=self.rate, finish=finish)
        self.sent_s += sent.sent_s
        self.duplicates += sent.duplicates

    def _counted(self, records: list[Record]) -> Iterator[Record]:
        for record in records:
            self.count += 1
            yield record
