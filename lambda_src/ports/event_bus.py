"""The bus on which a fraud team hears of decisions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from fraud.decision import Decision

SOURCE = "card-fraud"
DETAIL_TYPES = {"review": "Transaction review", "block": "Transaction block"}
MOST = 10
"""Entries a call, the service's limit."""
ATTEMPTS = 3
FIRST_PAUSE_S = 0.1


class EventsNotPublishedError(Exception):
    """The bus went on refusing events."""


class EventBus:
    """Tells of each decision to review or block, as `Transaction review` or `Transaction block`; the detail is the decision.

    An event may come twice, as on every bus of EventBridge: `transaction_id` tells.

    Args:
        client: of events.
        bus: its name.
        sleep: waits so many seconds.
    """

    def __init__(self, client: Any, bus: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._bus, self._sleep = client, bus, sleep

    def publish(self, decisions: Sequence[Decision]) -> None:
        """Publishes what there is to tell of these decisions.

        Raises:
            EventsNotPublishedError, ClientError, BotoCoreError: some may have been published.
        """
        entries = [self._entry(decision) for decision in decisions if decision.outcome in DETAIL_TYPES]
        for start in range(0, len(entries), MOST):
            self._put(entries[start : start + MOST])

    def _put(self, entries: list[dict[str, Any]]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            answers = self._client.put_events(Entries=entries)["Entries"]
            failed = [(entry, answer) for entry, answer in zip(entries, answers, strict=True) if "ErrorCode" in answer]
            if not failed:
                return
            entries = [entry for entry, _ in failed]
            if attempt < ATTEMPTS:
                self._sleep(FIRST_PAUSE_S * 2**attempt)
        raise EventsNotPublishedError(f"{self._bus}: {len(entries)} events refused: {failed[0][1]['ErrorCode']}")

    def _entry(self, decision: Decision) -> dict[str, Any]:
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPES[decision.outcome],
            "Time": datetime.fromtimestamp(decision.decided_at / 1000, timezone.utc),
            "Detail": decision.to_json(),
        }
