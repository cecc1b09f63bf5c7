"""What is sent to a service in calls that each take only so many entries, and so many bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def packs(
    entries: Iterable[T], most: int, most_bytes: int | None = None, size: Callable[[T], int] = lambda _: 0
) -> Iterator[list[T]]:
    """The entries in their order, as many a call as it takes. An entry that alone is too large goes alone.

    Args:
        most: how many entries a call takes.
        most_bytes: how many bytes; None for any number.
        size: an entry's bytes.

    >>> list(packs("abcde", 2)), list(packs(["a", "bbb", "c"], 9, 4, len))
    ([['a', 'b'], ['c', 'd'], ['e']], [['a', 'bbb'], ['c']])
    """
    pack: list[T] = []
    held = 0
    for entry in entries:
        added = size(entry)
        if pack and (len(pack) == most or (most_bytes is not None and held + added > most_bytes)):
            yield pack
            pack, held = [], 0
        pack.append(entry)
        held += added
    if pack:
        yield pack
