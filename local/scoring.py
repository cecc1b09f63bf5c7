"""The model behind HTTP, as the deciding step asks it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import urllib3
from numpy.typing import NDArray
from pydantic import ValidationError

from fraud.decision import Thresholds
from fraud.ports import ScorerUnavailableError, Scores
from fraud.vector import FEATURE_NAMES

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0


class HttpScorer:
    """Asks `POST /invocations` at an address. One instance a thread.

    A payment cannot wait for a dead endpoint. So a call is tried twice at most; after a failure no call is tried at all for a
    pause, which doubles up to LONGEST_PAUSE_S while the failures go on. The first success ends that.

    Args:
        url: as http://127.0.0.1:8080.
        timeout_s: for the whole of one try.
        clock: a monotonic one, in seconds.
    """

    def __init__(self, url: str, timeout_s: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url.rstrip("/") + "/invocations"
        self._timeout = urllib3.Timeout(connect=min(0.25, timeout_s), read=timeout_s)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1)
        self._clock = clock
        self._pause_s = 0.0
        self._closed_until = 0.0
        self._failure = ""

    def score(self, vectors: NDArray[np.float32], reasons: int) -> Scores:
        """The scores of n vectors of FEATURE_NAMES.

        Raises:
            ScorerUnavailableError: no sound answer, or none was asked for so soon after a failure.
        """
        if self._clock() < self._closed_until:
            raise ScorerUnavailableError(self._failure)
        try:
            scores = _scores(self._post(_npy(vectors), reasons))
        except ScorerUnavailableError as error:
            self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self._closed_until = self._clock() + self._pause_s
            self._failure = str(error)
            raise
        self._pause_s = 0.0
        return scores

    def close(self) -> None:
        """Closes the connection."""
        self._pool.clear()

    def _post(self, body: bytes, reasons: int) -> bytes:
        # the names let the endpoint refuse vectors that another model's code made
        content_type = f"application/x-npy; reasons={reasons}; feature-names={','.join(FEATURE_NAMES)}"
        for attempt in (1, 2):
            try:
                answer = self._pool.request(
                    "POST",
                    self._url,
                    body=body,
                    headers={"Content-Type": content_type, "Accept": "application/json"},
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
            if attempt == 2 or answer.status < 500:
                text = answer.data[:200].decode(errors="replace")
                raise ScorerUnavailableError(f"the model answered HTTP {answer.status}: {text}")
        raise AssertionError("unreachable")


def _npy(vectors: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(vectors, dtype="<f4"), allow_pickle=False)
    return file.getvalue()


def _scores(body: bytes) -> Scores:
    try:
        answer: dict[str, Any] = json.loads(body)
        return Scores(
            scores=answer["scores"],
            reasons=[[(str(name), float(value)) for name, value in row] for row in answer["reasons"]],
            model_version=str(answer["model_version"]),
            thresholds=Thresholds.model_validate(answer["thresholds"]),
            categories=tuple(answer["categories"]),
        )
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise ScorerUnavailableError(f"the model's answer makes no sense: {str(error)[:200]}") from error
