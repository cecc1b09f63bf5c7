"""The bus that notifies a fraud team of decisions."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import TypeVar

from fraud.decision import Decision
from fraud.retries import tries
from lambda_src.batches import batches
from lambda_src.ports.clients import AwsError, Client

SOURCE = "card-fraud"
DETAIL_TYPES = {"review": "Transaction review", "block": "Transaction block"}
ENTRIES_PER_CALL = 10
"""Page API_PutEvents, at most 10."""
BYTES_PER_CALL = 256 * 1024 - 1
"""Of a call's entries: page CalculatePutEventsEntrySize, "the total entry size must be less than 256KB"."""
TIME_BYTES = 14
"""Of an entry's time, by the same page."""
ATTEMPTS = 3
FIRST_PAUSE_S = 0.2

T = TypeVar("T")
Entry = tuple[T, Mapping[str, object]]
"""What an event is about, and the entry itself."""


class EventsNotPublishedError(Exception):
    """The bus could not be reached or went on refusing events: those of `transaction_ids`."""

    def __init__(self, problem: str, transaction_ids: Collection[str]) -> None:
        super().__init__(problem)
        self.transaction_ids = transaction_ids


class EventBus:
    """Publishes each decision to review or block as `Transaction review` or `Transaction block`; the detail is the decision.

    An event may come twice, as on every bus of EventBridge; `transaction_id` says which.

    Args:
        client: of events.
        bus: its name.
        sleep: waits so many seconds.
    """

    def __init__(self, client: Client, bus: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._bus, self._sleep = client, bus, sleep

    def publish(self, decisions: Sequence[Decision]) -> None:
        """Publishes those of the decisions that are to be reviewed or blocked. One that the bus refuses holds up no other.

        Raises:
            EventsNotPublishedError: names those that were not published.
        """
        entries = [
            (decision.transaction_id, self._entry(decision))
            for decision in decisions
            if decision.outcome in DETAIL_TYPES
        ]
        refused, problem = put_events(self._client, entries, self._sleep)
        if refused:
            raise EventsNotPublishedError(f"{self._bus}: {len(refused)} events refused: {problem}", set(refused))

    def _entry(self, decision: Decision) -> dict[str, object]:
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPES[decision.outcome],
            "Time": datetime.fromtimestamp(decision.decided_at / 1000, timezone.utc),
            "Detail": decision.to_json(),
        }


def put_events(client: Client, entries: Sequence[Entry[T]], sleep: Callable[[float], None]) -> tuple[list[T], str]:
    """Puts entries on their bus, in calls as large as one may be, those that the bus refuses again.

    Args:
        client: of events.
        sleep: waits so many seconds.

    Returns:
        What those are about that were not published, and why.
    """
    left: list[T] = []
    problem = ""
    for batch in batches(entries, ENTRIES_PER_CALL, BYTES_PER_CALL, _size):
        refused, why = _put(client, batch, sleep)
        left += refused
        problem = why or problem
    return left, problem


def _put(client: Client, entries: list[Entry[T]], sleep: Callable[[float], None]) -> tuple[list[T], str]:
    problem = ""
    for _ in tries(ATTEMPTS, FIRST_PAUSE_S, sleep=sleep):
        try:
            answers = client.put_events(Entries=[entry for _, entry in entries])["Entries"]
        except AwsError as error:  # the client has tried again by itself
            return [about for about, _ in entries], str(error)
        failed = [(entry, answer) for entry, answer in zip(entries, answers, strict=True) if "ErrorCode" in answer]
        if not failed:
            return [], ""
        entries, problem = [entry for entry, _ in failed], str(failed[0][1]["ErrorCode"])
    return [about for about, _ in entries], problem


def _size(entry: Entry[T]) -> int:
    return TIME_BYTES + sum(len(str(entry[1][name]).encode()) for name in ("Source", "DetailType", "Detail"))
