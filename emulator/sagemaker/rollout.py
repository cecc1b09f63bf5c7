"""A new fleet takes an endpoint's requests over, step by step, and gives them back when an alarm goes off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from emulator.sagemaker.deployments import Plan
from emulator.sagemaker.fleets import Fleet, Traffic

POLL_S = 0.1
DELETED = "the endpoint was deleted"


class Rollout:
    """A deployment that is under way.

    Args:
        traffic: the endpoint's.
        green: the new fleet; it serves already.
        plan: how it takes over.
        waits: the share of the plan's waits that is waited here; 0: no step is watched.
        alarmed: which of these alarms are in ALARM.
    """

    def __init__(
        self,
        traffic: Traffic,
        green: Fleet,
        plan: Plan,
        waits: float,
        alarmed: Callable[[Iterable[str]], list[str]],
    ) -> None:
        self._traffic, self._green, self._plan, self._waits, self._alarmed = traffic, green, plan, waits, alarmed
        self.share = 0.0
        """Of the requests, that goes to the new fleet."""

    def play(self) -> str:
        """Gives the new fleet its shares one after the other; why the old one is to have all again, or nothing."""
        for share in self._plan.shares:
            self.share = share
            self._traffic.shift(self._green, share)
            if why := self._baked(self._plan.wait_s):
                return why
        # the old fleet is there still, and an alarm brings it back
        return self._baked(self._plan.termination_s)

    def _baked(self, wait_s: float) -> str:
        """Waits; why it must not go on, as soon as it must not."""
        until = time.monotonic() + wait_s * self._waits
        while True:
            if self._traffic.closed.is_set():
                return DELETED
            if self._green.lost:
                return self._green.lost
            if not self._waits:
                return ""
            if found := self._alarmed(self._plan.alarms):
                return f"alarms went off while the new fleet took over: {', '.join(found)}"
            left_s = until - time.monotonic()
            if left_s <= 0:
                return ""
            self._traffic.closed.wait(min(POLL_S, left_s))
