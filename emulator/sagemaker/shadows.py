"""Shadow variants: asked what production variants are asked. Their answers are captured and counted; nobody waits for them."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable

import urllib3

from emulator.sagemaker.capture import Capture
from emulator.sagemaker.serving_process import ServingProcess

WAITING = 100
"""So many requests wait for a slow shadow; what comes then passes it by."""
WORKERS = 2

_log = logging.getLogger(__name__)


class Shadow:
    """A shadow variant's process and what goes to it.

    Args:
        serving: its process.
        share: of the production variant's requests that it is asked, too. It is the ratio of the two variants' weights.
        answered: told status (0: no answer) and seconds of each of its answers.
        capture: keeps its answers.
    """

    def __init__(
        self,
        serving: ServingProcess,
        share: float,
        answered: Callable[[int, float], None],
        capture: Capture | None = None,
    ) -> None:
        self.serving, self._share, self._answered, self._capture = serving, share, answered, capture
        self._waiting: queue.Queue[tuple[bytes, dict[str, str]] | None] = queue.Queue(WAITING)
        self._pool = urllib3.PoolManager(maxsize=WORKERS, retries=False, timeout=60)
        self._ended = False
        for number in range(WORKERS):
            threading.Thread(target=self._ask, name=f"shadow {serving.variant} {number}", daemon=True).start()

    def mirror(self, body: bytes, headers: dict[str, str]) -> None:
        """Has it asked, too, if the request is in its share; returns at once."""
        if random.random() >= self._share:  # noqa: S311 - a sample, no secret
            return
        try:
            self._waiting.put_nowait((body, headers))
        except queue.Full:
            _log.warning("the shadow variant %s is too slow: a request passes it by", self.serving.variant)

    def end(self, *, write: bool = True) -> None:
        """Ends its process; what was not asked yet is dropped."""
        self._ended = True
        for _ in range(WORKERS):
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                break
        self.serving.end()
        if self._capture:
            self._capture.end(write=write)

    def _ask(self) -> None:
        while (given := self._waiting.get()) is not None and not self._ended:
            body, headers = given
            since = time.monotonic()
            status = 0
            try:
                answer = self._pool.request("POST", f"{self.serving.url}/invocations", body=body, headers=headers)
                status = answer.status
                if self._capture and status == 200:
                    kind = answer.headers.get("Content-Type", "")
                    self._capture.keep(body, headers["Content-Type"], answer.data, kind)
            except Exception as error:  # noqa: BLE001 - whatever a shadow does, nobody is to see it
                _log.warning("the shadow variant %s: no answer: %s", self.serving.variant, error)
            if not self._ended:
                self._answered(status, time.monotonic() - since)
