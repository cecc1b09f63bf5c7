"""When scheduled crawlers start: page *monitor-data-warehouse-schedule*, cron expressions in UTC, every five minutes at most."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable

from emulator.clock import now
from emulator.errors import ServiceError

NextTime = Callable[[str, datetime.datetime], datetime.datetime | None]
"""(a cron expression, a moment): when it is due next after that; None for an expression that is wrong, or never due again."""
LEAST = datetime.timedelta(minutes=5)
LOOK_EVERY_S = 1.0


class Schedules:
    """The schedules of crawlers, looked at every second.

    Args:
        next_time: reads cron expressions.
        start: given a crawler's name.
    """

    def __init__(self, next_time: NextTime, start: Callable[[str], None]) -> None:
        self._next_time, self._start = next_time, start
        self._due: dict[str, tuple[str, datetime.datetime]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def check(self, expression: str) -> None:
        """Raises ServiceError for an expression that Glue does not take."""
        first = self._next_time(expression, now())
        if first is None:
            raise ServiceError("InvalidInputException", f"Schedule: {expression} is no valid cron expression")
        following = self._next_time(expression, first)
        if following and following - first < LEAST:
            raise ServiceError(
                "InvalidInputException", f"Schedule: {expression} is due more often than every 5 minutes"
            )

    def keep(self, name: str, expression: str | None) -> None:
        """Starts a crawler by a schedule from now on, or by none."""
        at = self._next_time(expression, now()) if expression else None
        with self._lock:
            if expression and at:
                self._due[name] = (expression, at)
            else:
                self._due.pop(name, None)
            if self._due and self._thread is None:
                self._thread = threading.Thread(target=self._look, name="crawlers' schedules", daemon=True)
                self._thread.start()

    def start_due(self, at: datetime.datetime) -> None:
        """Starts all crawlers that are due at a moment."""
        with self._lock:
            due = [(name, expression) for name, (expression, when) in self._due.items() if when <= at]
            for name, expression in due:
                following = self._next_time(expression, at)
                if following:
                    self._due[name] = (expression, following)
                else:
                    del self._due[name]
        for name, _ in due:
            self._start(name)

    def stop(self) -> None:
        """Starts none any more."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.start_due(now())
