"""How a command ends that did part of its work."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGTERM, signal.SIGHUP)


class EndedError(Exception):
    """The message says what was done and what was not.

    Attributes:
        status: the exit status: 1 where something failed, 130 after Ctrl-C.
    """

    def __init__(self, says: str, status: int) -> None:
        super().__init__(says)
        self.status = status


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Within it a SIGTERM, and the end of the terminal, does what Ctrl-C does, so that what was begun is cleared away.

    Raises:
        SystemExit: with 128 and the signal's number, as shells have it.
    """
    came: list[int] = []

    def end(number: int, _: object) -> None:
        came.append(number)
        for each in taken:  # once is enough; what follows is the clearing away
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    # under nohup the end of the terminal is ignored, and stays so
    taken = {each: signal.getsignal(each) for each in _ENDS if signal.getsignal(each) != signal.SIG_IGN}
    for each in taken:
        signal.signal(each, end)
    try:
        yield
    except SystemExit:
        if came:
            sys.exit(128 + came[0])
        raise
    finally:
        for each, before in taken.items():
            signal.signal(each, before)
