"""How a command ends that did part of its work."""

from __future__ import annotations


class EndedError(Exception):
    """The message says what was done and what was not.

    Attributes:
        status: the exit status: 1 where something failed, 130 after Ctrl-C.
    """

    def __init__(self, says: str, status: int) -> None:
        super().__init__(says)
        self.status = status
