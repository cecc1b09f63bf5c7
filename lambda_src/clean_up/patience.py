"""How much time a deletion has left."""

from __future__ import annotations

import time

from lambda_src.custom_resource import Context

ANSWER_IN_MS = 30_000
"""Kept for the answer to CloudFormation, which waits for an hour if there is none."""
POLL_S = 5.0


class OutOfTimeError(Exception):
    """The function's time is used up: says what is still there. Deleting the stack again goes on."""


class Patience:
    """The time a function has left, as its context says."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check(self, left: str) -> None:
        """Raises OutOfTimeError, saying what is left, if there is no time for more."""
        if self._context.get_remaining_time_in_millis() < ANSWER_IN_MS:
            raise OutOfTimeError(f"{left}: not all could be deleted in the function's time; delete the stack again")

    def wait(self, left: str) -> None:
        """Waits a little; raises OutOfTimeError as `check` does."""
        self.check(left)
        time.sleep(POLL_S)
