"""Trying again: one loop for whoever asks a service that may refuse once and not the next time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator


def tries(
    limit: int, pause_s: float = 0.0, *, spread: bool = False, sleep: Callable[[float], None] | None = None
) -> Iterator[int]:
    """The numbers of the tries, from 1 to `limit`, with a pause before each but the first. Leave the loop when one succeeds.

    Args:
        limit: how many at most.
        pause_s: before the second; it doubles from each to the next.
        spread: pauses are of random length up to that, so that writers that clashed once do not clash again.
        sleep: waits so many seconds.

    >>> pauses = []
    >>> list(tries(4, 0.1, sleep=pauses.append)), pauses
    ([1, 2, 3, 4], [0.1, 0.2, 0.4])
    """
    for number in range(1, limit + 1):
        if number > 1 and pause_s:
            full = pause_s * 2 ** (number - 2)
            (sleep or time.sleep)(full * random.random() if spread else full)  # noqa: S311 - spreads writers, no secret
        yield number
