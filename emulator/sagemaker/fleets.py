"""What serves an endpoint configuration, and which of two fleets an endpoint's next request goes to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from emulator.sagemaker.capture import Capture
from emulator.sagemaker.serving_process import ServingProcess
from emulator.sagemaker.shadows import Shadow

GRACE_S = 5.0


class Fleet:
    """One endpoint configuration's processes: one for all instances of its variant, and one of its shadow variant.

    Args:
        config: the endpoint configuration's name.
        serving: of the production variant.
        capture: of its requests and answers.
        shadow: is asked what it is asked.
    """

    def __init__(
        self, config: str, serving: ServingProcess, capture: Capture | None = None, shadow: Shadow | None = None
    ) -> None:
        self.config, self.serving, self.capture, self.shadow = config, serving, capture, shadow
        self.lost = ""
        """Why its model was given up, once it was."""

    def pids(self) -> list[int]:
        """The process groups that run."""
        both = (self.serving, *((self.shadow.serving,) if self.shadow else ()))
        return [one.process.pid for one in both if one.process.running]

    def end(self, grace_s: float = 0, *, write: bool = True) -> None:
        """Ends its processes; what is captured is written, or dropped."""
        self.serving.end(grace_s=grace_s)
        if self.shadow:
            self.shadow.end(write=write)
        if self.capture:
            self.capture.end(write=write)


class Traffic:
    """An endpoint's requests: the old fleet (blue) answers them, and the new one (green) its share while it takes over.

    A share is kept exactly, not drawn by lot: of any first n requests the new fleet answers n times the share, rounded down.
    """

    def __init__(self) -> None:
        self.closed = threading.Event()
        """Set with the end of the endpoint."""
        self.blue: Fleet | None = None
        self.green: Fleet | None = None
        self._share = self._owed = 0.0
        self._in_hand: Counter[Fleet] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[Fleet | None]:
        """The fleet that answers the next request, which is in hand meanwhile; None if nothing serves."""
        with self._changed:
            fleet = self.blue
            if self.green:
                self._owed += self._share
                # sums of shares as .1 stay below the whole number that they are to reach
                if self._owed >= 1 - 1e-9:
                    self._owed -= 1
                    fleet = self.green
            if fleet:
                self._in_hand[fleet] += 1
        try:
            yield fleet
        finally:
            if fleet:
                with self._changed:
                    self._in_hand[fleet] -= 1
                    self._changed.notify_all()

    def shift(self, green: Fleet, share: float) -> None:
        """From now on this share goes to the new fleet."""
        with self._changed:
            if self.green is not green:
                self.green, self._owed = green, 0.0
            self._share = share

    def settle(self, fleet: Fleet | None) -> None:
        """Everything goes to one fleet, or nothing serves; returns once no other has a request in hand, or after GRACE_S."""
        with self._changed:
            self.blue, self.green, self._share = fleet, None, 0.0
            self._changed.wait_for(
                lambda: not any(count for one, count in self._in_hand.items() if one is not fleet), GRACE_S
            )
            self._in_hand = Counter({one: count for one, count in self._in_hand.items() if count})

    def fleets(self) -> list[Fleet]:
        """Those that answer requests now."""
        with self._changed:
            return [one for one in (self.blue, self.green) if one]

    def of(self, serving: ServingProcess) -> Fleet | None:
        """The fleet that a process is of."""
        return next((one for one in self.fleets() if one.serving is serving), None)
