"""The pace that this machine can hold.

A latency measured at a pace that the machine cannot hold is the length of a queue, and grows with the run. So a run that
measures it looks first, in short steps, how fast transactions are still decided as they come.
"""

from __future__ import annotations

from collections.abc import Callable

import psutil

STEPS = (40, 80, 120, 160, 200, 240)
"""Transactions a second that are tried, one after the other."""
STEP_S = 5
"""How long each is tried."""
BEHIND_S = 0.5
"""A step is kept up with if its last transaction is decided so soon after it was sent."""
BUSY = 0.7
"""... and if the machine was no busier meanwhile: near its full use each burst leaves a queue."""
SHARE = 0.75
"""Of the fastest step that was kept up with. The rest is room: for bursts, and for what else the machine does."""


def busy_share() -> float:
    """How busy all processors were since the last call, 0 to 1; of the first call it says nothing."""
    return float(psutil.cpu_percent()) / 100


def pace_to_hold(kept_up: Callable[[int], bool]) -> float:
    """Transactions a second at which to measure.

    Args:
        kept_up: sends so many a second for STEP_S, and says whether they were decided as they came.

    >>> pace_to_hold(lambda rate: rate <= 130)
    90.0
    >>> pace_to_hold(lambda rate: False), pace_to_hold(lambda rate: True)
    (30.0, 180.0)
    """
    held = STEPS[0]
    for rate in STEPS:
        if not kept_up(rate):
            break
        held = rate
    return SHARE * held
