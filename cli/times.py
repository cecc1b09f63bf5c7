"""Moments as a person types them."""

from __future__ import annotations

import pandas as pd

from cli.errors import BadInputError


def parse_time(option: str, text: str) -> int:
    """A moment in milliseconds since 1970, from a date or a date and time in UTC.

    >>> parse_time("--test-from", "2020-03-01")
    1583020800000
    """
    try:
        moment = pd.Timestamp(text)
        moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    except (ValueError, TypeError) as error:
        raise BadInputError(
            f"{option}: {text!r} is not a time; allowed: 2020-03-01 or 2020-03-01T12:00:00, in UTC"
        ) from error
    if moment is pd.NaT:
        raise BadInputError(f"{option}: no time given; allowed: 2020-03-01 or 2020-03-01T12:00:00, in UTC")
    return int(moment.value) // 1_000_000
