"""Requests to the model's endpoint and its answers; and how long a failing endpoint is not asked.

The other side of it is `sagemaker_src/serving/inference.py`.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from fraud.decision import Thresholds
from fraud.model_input import ModelInput
from fraud.ports import ScorerUnavailableError, Scores

CONTENT_TYPE = "application/x-named-npy"
"""A line of JSON, then an array as numpy writes it. What the line says would not fit into the content type: InvokeEndpoint takes
1,024 characters there (page API_runtime_InvokeEndpoint)."""
ACCEPT = "application/json"
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 2.0


MAX_ROWS = 20_000
"""The model's program refuses a larger request."""


def request_body(
    vectors: NDArray[np.float32], given: ModelInput, reasons: int, *, exact_reasons: int | None = None
) -> bytes:
    """n vectors as the endpoint reads them, whichever features its model takes.

    Args:
        vectors: float32 of shape (n, len(given.names)).
        given: what they hold.
        reasons: how many are asked for.
        exact_reasons: how many of the rows that a person will look at get exact ones at most; None leaves it to the model's
            program, which thinks of payments that wait.

    >>> request_body(np.zeros((1, 1), np.float32), ModelInput(("amount",), {}), 3).split(b"\\n")[0]
    b'{"feature_names":["amount"],"categories":{},"reasons":3}'
    """
    file = io.BytesIO()
    head: dict[str, Any] = {
        "feature_names": given.names,
        "categories": dict(given.categories),
        "reasons": reasons,
    }
    if exact_reasons is not None:
        head["exact_reasons"] = exact_reasons
    file.write(json.dumps(head, separators=(",", ":")).encode() + b"\n")
    np.save(file, np.ascontiguousarray(vectors, dtype="<f4"), allow_pickle=False)
    return file.getvalue()


def read_scores(body: bytes) -> Scores:
    """The endpoint's answer.

    Raises:
        ScorerUnavailableError: it is invalid.
    """
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        what = error.errors(include_input=False)[0]
        where = ".".join(map(str, what["loc"]))
        raise ScorerUnavailableError(f"the model's answer is invalid: {where}: {what['msg']}"[:200]) from error
    return Scores(**dict(answer))


def may_pass(status: int) -> bool:
    """Whether the next try may succeed, after what the model's container answered; 0 is no answer.

    A refusal stays one: the container gives 4xx to what is wrong with the request itself.

    >>> [may_pass(status) for status in (0, 400, 406, 415, 429, 500, 503)]
    [True, False, False, False, True, True, True]
    """
    return not 400 <= status < 500 or status == 429


class _Answer(BaseModel):
    """The answer's form: JSON's own numbers, all of them finite. What else it says is for others."""

    model_config = ConfigDict(strict=True, protected_namespaces=())

    scores: list[Annotated[float, Field(ge=0, le=1)]]
    reasons: list[list[tuple[str, FiniteFloat]]] = Field(default_factory=list)
    model_version: str
    thresholds: Thresholds
    missing: tuple[str, ...] = ()


class Pause:
    """Leaves an endpoint alone after a failure: a payment cannot wait for a dead one.

    No call is tried for a while, which doubles up to LONGEST_PAUSE_S while the failures go on. The first success ends that.

    Args:
        clock: a monotonic one, in seconds.

    >>> pause = Pause(clock=lambda: 0.0)
    >>> def fail():
    ...     raise ScorerUnavailableError("down")
    >>> for ask in (fail, lambda: "not asked"):
    ...     try:
    ...         pause.asking(ask)
    ...     except ScorerUnavailableError as error:
    ...         print(error)
    down
    down
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause_s = 0.0
        self._closed_until = 0.0
        self._failure: str | None = None

    def asking(self, ask: Callable[[], Scores]) -> Scores:
        """What `ask` gives.

        Raises:
            ScorerUnavailableError: as `ask` did, or it was not asked so soon after a failure.
        """
        if self._failure is not None and self._clock() < self._closed_until:
            raise ScorerUnavailableError(self._failure)
        try:
            scores = ask()
        except ScorerUnavailableError as error:
            self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self._closed_until = self._clock() + self._pause_s
            self._failure = str(error)
            raise
        self._pause_s, self._failure = 0.0, None
        return scores
