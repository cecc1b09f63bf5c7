"""How rows in time are parted: to fit on, to choose thresholds on, and to test on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY

VALIDATION_SHARE = 0.2
"""Of the time before the test, the last share, for choosing thresholds."""


class Split(NamedTuple):
    """Moments in milliseconds since 1970 in UTC: fit before `fitted_until`, validate from `validation_from` to before
    `labelled_until`, test from `test_from` on. What lies between has no label yet when what comes after it is decided."""

    fitted_until: int
    validation_from: int
    labelled_until: int
    test_from: int


def default_test_from(event_ms: NDArray[np.int64]) -> int:
    """The start (UTC, ms) of the day by which four fifths of the rows have come."""
    return int(np.quantile(event_ms, 0.8)) // MS_PER_DAY * MS_PER_DAY


def split(
    first_ms: int,
    test_from_ms: int,
    delay_ms: int,
    validation_share: float = VALIDATION_SHARE,
    *,
    tested_in_time: bool = True,
) -> Split:
    """The parts of rows that begin at `first_ms`.

    Args:
        delay_ms: how long a label takes to come.
        validation_share: of the time before the test.
        tested_in_time: whether what is tested comes after the rest; else other cards are, and all rows have labels.
    """
    labelled = test_from_ms - (delay_ms if tested_in_time else 0)
    validation_from = int(labelled - validation_share * (labelled - first_ms))
    return Split(validation_from - delay_ms, validation_from, labelled, test_from_ms)
