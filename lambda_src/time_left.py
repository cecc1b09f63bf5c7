"""How much time a call of a function has left, for work that may take longer than that."""

from __future__ import annotations

import time
from typing import Protocol

ANSWER_IN_MS = 30_000
"""Kept for the answer to CloudFormation, which waits for an hour if there is none."""


class OutOfTimeError(Exception):
    """The function's time is used up: says what is still to be done."""


class RemainingTime(Protocol):
    """What Lambda says of the call."""

    def get_remaining_time_in_millis(self) -> int:
        """How long the function may still take."""
        ...


class TimeLeft:
    """The time that a call of the function has left, as its context says."""

    def __init__(self, context: RemainingTime) -> None:
        self._context = context

    def check(self, problem: str) -> None:
        """Raises OutOfTimeError, saying what the problem is, if there is no time for more."""
        if self._context.get_remaining_time_in_millis() < ANSWER_IN_MS:
            raise OutOfTimeError(problem)

    def wait(self, seconds: float, problem: str) -> None:
        """Waits; raises OutOfTimeError as `check` does."""
        self.check(problem)
        time.sleep(seconds)
