"""The time, as the services write it down."""

from __future__ import annotations

import datetime


def now() -> datetime.datetime:
    """The time, with its zone."""
    return datetime.datetime.now(datetime.timezone.utc)
