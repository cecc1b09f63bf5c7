"""How soon a record goes on from one operator to the next.

By default a record waits in a network buffer until the buffer is full or 100 ms have passed, before each operator that needs
rows of one key together: twice on the way of a transaction, and heartbeats come in bursts. The setting of the whole job,
`execution.buffer-timeout.interval`, is not among those that Managed Service for Apache Flink lets a program set (its page
*programmatic-configuration*); the time-out of a single operator is no setting but a property of the job's graph, as
`DataStream.setBufferTimeout` makes it.

With a time-out each operator has a thread that wakes as often, whether anything came or not: at 2 ms and without traffic a fifth
of what the job takes. Without one (0) a record goes on at once, and each pays for it: less up to hundreds a second, more at
thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

REFUSED = "Not allowed configuration change"
"""How Flink's guard, and so the service, says that a program may not set what it set."""

Job = TypeVar("Job")


def flush_each_operator(ends: Iterable[Any], interval_ms: int) -> None:
    """Sets the time-out of every operator before the given ones, and theirs.

    Args:
        ends: Flink's Java `Transformation`s that nothing reads from.
        interval_ms: how long a record may wait; 0 for not at all.
    """
    for end in ends:
        for operator in end.getTransitivePredecessors():
            operator.setBufferTimeout(interval_ms)


def submitted(submit: Callable[[bool], Job], warn: Callable[[str], object]) -> Job:
    """The job, with operators that flush soon; with the default where that is refused, for a slow job is better than none.

    Args:
        submit: starts the job; given whether its operators are to flush soon.
        warn: takes a sentence about what was refused.

    >>> def service(flush: bool) -> str:
    ...     if flush:
    ...         raise RuntimeError("Not allowed configuration change(s) were detected")
    ...     return "started"
    >>> print(submitted(service, print))
    operators may not flush sooner than by default, so each exchange adds up to 100 ms; ask AWS Support for \
execution.buffer-timeout.interval: 2 ms (Not allowed configuration change(s) were detected)
    started
    """
    try:
        return submit(True)
    except Exception as error:
        if REFUSED not in str(error):
            raise
        warn(
            "operators may not flush sooner than by default, so each exchange adds up to 100 ms; ask AWS Support for "
            f"execution.buffer-timeout.interval: 2 ms ({error})"
        )
        return submit(False)
