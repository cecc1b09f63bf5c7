"""Processes that are started again when they end by themselves, as the services do with theirs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

TRIES = 3
"""One that ends so often in a row is given up."""
PAUSE_S = 2.0
"""Between an end and the next start: a service takes a moment to notice, too."""
STEADY_S = 60.0
"""One that has run for so long starts a new row."""
POLL_S = 0.1

_log = logging.getLogger(__name__)


class Mortal(Protocol):
    """A process, as `engines.processes.Process` and what is made of it."""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        ...

    def kill(self) -> None:
        """Ends it and what it started."""
        ...


class Keeper:
    """Watches a process that runs, and starts it again when it has ended.

    Args:
        name: what the log calls it.
        process: what is watched.
        again: starts it, and returns once it does its work; what it raises counts as an end.
        gave_up: told why, when it has ended TRIES times in a row after it was started again.
        pause_s, steady_s: see PAUSE_S and STEADY_S.
    """

    def __init__(
        self,
        name: str,
        process: Mortal,
        again: Callable[[], None],
        gave_up: Callable[[str], None],
        *,
        pause_s: float = PAUSE_S,
        steady_s: float = STEADY_S,
    ) -> None:
        self._name, self._process, self._again, self._gave_up = name, process, again, gave_up
        self._pause_s, self._steady_s = pause_s, steady_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Starts it no more: to be called before the process is ended on purpose. A start under way is killed."""
        self._ended.set()
        self._thread.join(2 * POLL_S)
        while self._thread.is_alive():
            self._process.kill()
            self._thread.join(2 * POLL_S)

    def _keep(self) -> None:
        tries, since, why = 0, time.monotonic(), ""
        while not self._ended.wait(POLL_S):
            if self._process.running:
                continue
            if time.monotonic() - since > self._steady_s:
                tries = 0
            if tries == TRIES:
                _log.error("%s: ended again after %d restarts, and is given up", self._name, TRIES)
                self._gave_up(f"{why}its process ended again after {TRIES} restarts")
                return
            tries += 1
            self._process.kill()  # what it started may have outlived it
            if self._ended.wait(self._pause_s):
                return
            _log.warning("%s: its process ended; it is started again (%d of %d)", self._name, tries, TRIES)
            try:
                self._again()
            except Exception as error:  # noqa: BLE001 - whatever it is, it counts as an end
                _log.exception("%s: did not start again", self._name)
                why = f"{error}\n"
            since = time.monotonic()
