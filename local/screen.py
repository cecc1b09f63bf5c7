"""Where a run shows itself, and how long each of its phases takes."""

from __future__ import annotations

import time
from typing import Any, Protocol


class Screen(Protocol):
    """Where a run shows itself."""

    def phase(self, name: str) -> None:
        """A new phase begins."""
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """How far the phase's work is."""
        ...

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Transactions sent of all, and the latest decisions, newest first."""
        ...


class SilentScreen:
    """A screen that shows nothing, for tests and measurements."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Nothing."""

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Nothing."""


class Timed:
    """A screen that also takes the time of each phase."""

    def __init__(self, screen: Screen) -> None:
        self.progress, self.live = screen.progress, screen.live
        self._screen, self._name, self._since = screen, "", time.perf_counter()
        self._seconds: dict[str, float] = {}

    def phase(self, name: str) -> None:
        self._end()
        self._name = name
        self._screen.phase(name)

    def seconds(self) -> dict[str, float]:
        self._end()
        return {**self._seconds, "total": round(sum(self._seconds.values()), 1)}

    def _end(self) -> None:
        now = time.perf_counter()
        if self._name:
            self._seconds[self._name] = round(now - self._since, 1)
        self._since = now
