"""Rows that stay in their task between two windows by the same key.

Flink's planner puts an exchange before each window: a row is written into a network buffer, handed to a task and read again,
though behind a window by the same key it is the very task that the row comes from. Such an exchange becomes a copy within the
task. Nothing else of the job's graph changes: operators keep their names, and a snapshot fits with and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

WINDOW = "OverAggregate"
"""How Flink's planner names the operator of a window."""
EXCHANGE = "PartitionTransformation"


def stay_in_task(ends: Iterable[Any], keys: Sequence[tuple[str, ...]], jvm: Any, warn: Callable[[str], object]) -> int:
    """Takes the exchanges out that have a window by the same key on both sides; how many.

    Where Flink is not as expected they stay: a slower job is better than none.

    Args:
        ends: Flink's Java `Transformation`s that nothing reads from.
        keys: of the windows, in the order in which they are computed.
        jvm: Java, as py4j gives it.
        warn: takes a sentence about what was left as it is.
    """
    exchanges = [found for end in ends for found in between_windows(end)]
    pairs = list(pairwise(keys))[::-1]
    if len(exchanges) != len(pairs):
        warn(f"{len(exchanges)} exchanges between windows, not {len(pairs)}: all are left in, and the job is slower")
        return 0
    taken = [exchange for exchange, (before, after) in zip(exchanges, pairs, strict=True) if before == after]
    try:
        for exchange in taken:
            _within_task(exchange, jvm)
    except Exception as error:  # noqa: BLE001 - whatever Java refuses: the graph is right before each step and after it
        warn(f"exchanges between windows are left in, and the job is slower: {error}")
        return 0
    return len(taken)


def between_windows(end: Any) -> Iterator[Any]:
    """The exchanges between two windows on the way to this end, the last first."""
    exchange, behind = None, False
    while not end.getInputs().isEmpty():
        if end.getClass().getSimpleName() == EXCHANGE:
            exchange = end
        elif WINDOW in end.getName():
            if behind and exchange is not None:
                yield exchange
            exchange, behind = None, True
        end = end.getInputs()[0]


def _within_task(exchange: Any, jvm: Any) -> None:
    before = exchange.getInputs()[0]
    rows = before.getOutputType()
    copy = jvm.org.apache.flink.streaming.api.operators.StreamMap(jvm.cardfraud.Copy(rows.toRowSerializer()))
    copied = jvm.org.apache.flink.streaming.api.transformations.OneInputTransformation(
        before, "Copy", copy, rows, before.getParallelism(), False
    )
    forward = jvm.org.apache.flink.streaming.runtime.partitioner.ForwardPartitioner()
    for name, value in (("input", copied), ("partitioner", forward)):
        field = exchange.getClass().getDeclaredField(name)
        field.setAccessible(True)
        field.set(exchange, value)
