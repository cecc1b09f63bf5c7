"""The model behind HTTP, as the deciding step asks it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import urllib3
from numpy.typing import NDArray

from fraud.model_request import ACCEPT, Pause, may_pass, read_scores, request_body, request_type
from fraud.ports import ScorerUnavailableError, Scores


class HttpScorer:
    """Asks `POST /invocations` at an address. One instance a thread.

    A call is tried twice at most; after a failure the endpoint is left alone for a while.

    Args:
        url: as http://127.0.0.1:8080.
        timeout_s: for the whole of one try.
        clock: a monotonic one, in seconds.
    """

    def __init__(self, url: str, timeout_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url.rstrip("/") + "/invocations"
        self._timeout = urllib3.Timeout(connect=min(0.25, timeout_s), read=timeout_s)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1)
        self._pause = Pause(clock)

    def score(self, vectors: NDArray[np.float32], reasons: int) -> Scores:
        """The scores of n vectors of FEATURE_NAMES.

        Raises:
            ScorerUnavailableError: no sound answer, or none was asked for so soon after a failure.
        """
        return self._pause.asking(lambda: read_scores(self._post(request_body(vectors), reasons)))

    def close(self) -> None:
        """Closes the connection."""
        self._pool.clear()

    def _post(self, body: bytes, reasons: int) -> bytes:
        for attempt in (1, 2):
            try:
                answer = self._pool.request(
                    "POST",
                    self._url,
                    body=body,
                    headers={"Content-Type": request_type(reasons), "Accept": ACCEPT},
                    timeout=self._timeout,
                    retries=False,
                )
            except urllib3.exceptions.ReadTimeoutError as error:
                # who is late once is late again: a second try would only double the wait
                raise ScorerUnavailableError(
                    f"the model did not answer within {self._timeout.read_timeout:g} s"
                ) from error
            except urllib3.exceptions.HTTPError as error:
                # a kept connection may have died with the last serving process; a new one tells
                if attempt == 2:
                    raise ScorerUnavailableError(f"the model cannot be reached: {type(error).__name__}") from error
                continue
            if answer.status == 200:
                return answer.data
            if attempt == 2 or not may_pass(answer.status):
                text = answer.data[:200].decode(errors="replace")
                raise ScorerUnavailableError(f"the model answered HTTP {answer.status}: {text}")
        raise AssertionError("unreachable")
