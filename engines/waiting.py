"""The one loop that waits for something to become so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(
    found: Callable[[], Found | None], timeout_s: float, otherwise: Callable[[], Exception], *, every_s: float = 0.1
) -> Found:
    """The first answer that is not empty or false.

    Args:
        found: asked again and again; what it raises ends the waiting.
        timeout_s: how long.
        otherwise: the error that is raised then.
        every_s: the pause between.

    >>> answers = iter([0, 0, 7])
    >>> wait_until(lambda: next(answers), 5, lambda: TimeoutError("nothing came"), every_s=0)
    7
    >>> wait_until(lambda: 0, 0.01, lambda: TimeoutError("nothing came"), every_s=0)
    Traceback (most recent call last):
    ...
    TimeoutError: nothing came
    """
    deadline = time.monotonic() + timeout_s
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise otherwise()
        time.sleep(every_s)
    return answer
