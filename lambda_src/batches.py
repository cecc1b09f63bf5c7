"""Entries in batches for a service that takes only so many entries, and so many bytes, a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def batches(
    entries: Iterable[T], limit: int, byte_limit: int | None = None, size: Callable[[T], int] = lambda _: 0
) -> Iterator[list[T]]:
    """The entries in their order, a list for each call. An entry that alone is too large goes alone.

    Args:
        limit: of entries per call.
        byte_limit: of bytes per call; None for none.
        size: an entry's bytes.

    >>> list(batches("abcde", 2)), list(batches(["a", "bbb", "c"], 9, 4, len))
    ([['a', 'b'], ['c', 'd'], ['e']], [['a', 'bbb'], ['c']])
    """
    batch: list[T] = []
    held = 0
    for entry in entries:
        added = size(entry)
        if batch and (len(batch) == limit or (byte_limit is not None and held + added > byte_limit)):
            yield batch
            batch, held = [], 0
        batch.append(entry)
        held += added
    if batch:
        yield batch
