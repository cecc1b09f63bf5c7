"""Counts that several threads add to."""

from __future__ import annotations

import threading
from collections import Counter


class Counts:
    """How often each of several did its work.

    >>> counts = Counts()
    >>> counts.add("main")
    >>> counts.add("main", 2)
    >>> counts.copy()
    Counter({'main': 3})
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        """Counts so many more."""
        with self._lock:
            self._counts[name] += number

    def copy(self) -> Counter[str]:
        """As they are now."""
        with self._lock:
            return self._counts.copy()
