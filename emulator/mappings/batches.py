"""A batch on its way to a function, by the mapping's own rules: partial failures, bisecting, retries, what is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.limits.units import SYNCHRONOUS
from emulator.mappings.settings import destination_of

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
_AROUND = 4096
"""Bytes of an event around its records."""
_RETRIES_TO_A_DESTINATION = 10
"""Of a topic's batch that is to be retried for ever and has somewhere to go (page *kafka-retry-configurations*)."""


@dataclass(frozen=True)
class Record:
    """One record.

    Attributes:
        place: where its order holds, as `payments-0`.
        position: its number there, rising.
        body: as the function gets it.
        time_s: when it came, seconds since 1970.
    """

    place: str
    position: int
    body: dict[str, Any]
    time_s: float


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a mapping says of its batches.

    Attributes:
        size: records at most.
        window_s: how long a batch waits to fill.
        partial: whether the function's answer names the records that failed.
        bisect: whether a batch that failed whole is tried in halves.
        retries: how often one that failed is tried again; None for ever.
        age_s: records older than this are given up; None never.
        destination: where what was given up goes; empty for nowhere.
        pollers: how many readers share the places.
    """

    size: int
    window_s: float
    partial: bool = False
    bisect: bool = False
    retries: int | None = None
    age_s: float | None = None
    destination: str = ""
    pollers: int = 1


def rules(properties: dict[str, Any], size: int) -> Rules:
    """The rules in a template's mapping.

    Args:
        size: the source's own batch size, where the template says none.

    >>> rules({"BatchSize": "10", "MaximumRetryAttempts": -1, "FunctionResponseTypes": ["ReportBatchItemFailures"]}, 100)
    Rules(size=10, window_s=0.0, partial=True, bisect=False, retries=None, age_s=None, destination='', pollers=1)
    """
    retries, age_s = (
        int(properties.get("MaximumRetryAttempts", -1)),
        int(properties.get("MaximumRecordAgeInSeconds", -1)),
    )
    destination = destination_of(properties)
    if retries < 0 and destination and "Topics" in properties:
        retries = _RETRIES_TO_A_DESTINATION
    return Rules(
        size=int(properties.get("BatchSize", size)),
        window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        partial="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        bisect=str(properties.get("BisectBatchOnFunctionError", False)).lower() == "true",
        retries=None if retries < 0 else retries,
        age_s=None if age_s < 0 else age_s,
        destination=destination,
        pollers=int(properties.get("ProvisionedPollerConfig", {}).get("MinimumPollers", 1)),
    )


def within_payload(records: Sequence[Record], size: Callable[[dict[str, Any]], int]) -> Iterator[list[Record]]:
    """The records in batches whose events keep within the payload of an invocation; one that is too long by itself is alone.

    Args:
        size: bytes of a record in an event.

    >>> records = [Record("t-0", position, {}, 0.0) for position in range(5)]
    >>> [len(batch) for batch in within_payload(records, lambda _: 2 * 1024 * 1024)]
    [2, 2, 1]
    """
    batch: list[Record] = []
    left = SYNCHRONOUS - _AROUND
    for record in records:
        # a comma, and the name of its place, if it is the first of it
        taken = size(record.body) + len(record.place) + 8
        if batch and taken > left:
            yield batch
            batch, left = [], SYNCHRONOUS - _AROUND
        batch.append(record)
        left -= taken
    if batch:
        yield batch


Invoke = Callable[[Sequence[Record]], tuple[Any, bool]]
"""Hands records to the function; its answer, and whether that is an error."""

Checkpoints = Callable[[Sequence[Any]], dict[str, int] | None]
"""From the identifiers that an answer names: {place: the lowest position that failed}; None if they cannot be read."""

GiveUp = Callable[[Sequence[Record], str, int], None]
"""Told of records that are given up, why (as AWS names it) and after how many calls."""


def named_failures(answer: Any) -> list[Any] | None:
    """The identifiers that a function's answer names as failed; None if it cannot be read: then all has failed.

    >>> named_failures({"batchItemFailures": [{"itemIdentifier": "m-1"}]}), named_failures(None)
    (['m-1'], [])
    >>> named_failures({"batchItemFailures": [{"itemIdentifier": ""}]}), named_failures("done")
    (None, None)
    """
    if not answer:
        return []
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if not failures:
        return []
    if not isinstance(failures, list):
        return None
    identifiers = [one.get("itemIdentifier") if isinstance(one, dict) else None for one in failures]
    return identifiers if all(identifiers) else None


def wait_before(tried: int) -> float:
    """Seconds before the next try, after so many.

    >>> wait_before(0), wait_before(3), wait_before(5000)
    (0.2, 1.6, 5.0)
    """
    return min(_FIRST_WAIT_S * 2.0 ** min(tried, 10), _LONGEST_WAIT_S)


class Delivery:
    """Delivers batches until each record is done or given up.

    Args:
        invoke, checkpoints, give_up: the function, and how the source reads its answer and parts with records.
        stopping: set when the reader ends: nothing is tried again then.
    """

    def __init__(
        self, rules: Rules, invoke: Invoke, checkpoints: Checkpoints, give_up: GiveUp, stopping: threading.Event
    ) -> None:
        self._rules, self._invoke, self._checkpoints, self._give_up = rules, invoke, checkpoints, give_up
        self._stopping = stopping

    def deliver(self, records: Sequence[Record]) -> bool:
        """Works a batch off; False if the reader was stopped before that, so that it is delivered again.

        >>> answers = iter([({"batchItemFailures": [{"itemIdentifier": "the second"}]}, False), (None, False)])
        >>> calls = []
        >>> def invoke(records):
        ...     calls.append([record.position for record in records])
        ...     return next(answers)
        >>> batch = [Record("t-0", position, {}, time.time()) for position in range(3)]
        >>> partial = Rules(size=10, window_s=0, partial=True)
        >>> Delivery(partial, invoke, lambda _: {"t-0": 1}, print, threading.Event()).deliver(batch), calls
        (True, [[0, 1, 2], [1, 2]])
        """
        waiting = [(list(records), 0)]
        while waiting:
            if self._stopping.is_set():
                return False
            batch, tried = waiting.pop()
            batch = self._young(batch, tried)
            if not batch:
                continue
            answer, failed = self._invoke(batch)
            left, whole = self._left(batch, answer, failed)
            if not left:
                continue
            if whole and self._rules.bisect and len(left) > 1:
                # halves are no retry: they do not count
                middle = len(left) // 2
                waiting += [(left[middle:], tried), (left[:middle], tried)]
                continue
            if self._rules.retries is not None and tried >= self._rules.retries:
                self._give_up(left, "RetryAttemptsExhausted", tried + 1)
                continue
            if self._stopping.wait(wait_before(tried)):
                return False
            waiting.append((left, tried + 1))
        return True

    def _young(self, batch: list[Record], tried: int) -> list[Record]:
        if self._rules.age_s is None:
            return batch
        oldest = time.time() - self._rules.age_s
        old = [record for record in batch if record.time_s < oldest]
        if old:
            self._give_up(old, "MaxRecordAgeExceeded", tried)
        return [record for record in batch if record.time_s >= oldest]

    def _left(self, batch: list[Record], answer: Any, failed: bool) -> tuple[list[Record], bool]:
        """The records to deliver again, and whether the batch failed as a whole."""
        if failed:
            return batch, True
        if not self._rules.partial:
            return [], False
        identifiers = named_failures(answer)
        if identifiers == []:
            return [], False
        lowest = None if identifiers is None else self._checkpoints(identifiers)
        known = {(record.place, record.position) for record in batch}
        if lowest is None or not set(lowest.items()) <= known:
            return batch, True
        return [one for one in batch if one.place in lowest and one.position >= lowest[one.place]], False
