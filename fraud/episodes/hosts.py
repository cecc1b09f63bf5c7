"""Which card an attack is grafted onto, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraud.durations import MS_PER_DAY
from fraud.episodes.errors import EpisodesError
from fraud.episodes.learning import honest_rates, weekdays
from fraud.episodes.ledger import APART_MS, Flags, Ints, Ledger
from fraud.episodes.sampling import Episodes

FEWEST = 5
"""Honest transactions of a card that an attack is grafted onto: a card without habits has none to break with."""


@dataclass(frozen=True)
class Placed:
    """Of each attack the card; of each step when it happens, milliseconds since 1970 in UTC."""

    card: Ints
    time_ms: Ints


class Hosts:
    """The cards that attacks can be grafted onto, and what of their histories is free."""

    def __init__(self, ledger: Ledger, before_ms: int | None = None) -> None:
        honest = ~ledger.fraud
        if before_ms is not None:
            honest = honest & (ledger.time_ms < before_ms)
        card, time_ms = ledger.card[honest], ledger.time_ms[honest]
        count = np.bincount(card, minlength=len(ledger.cards))
        self._first = np.full(count.size, np.iinfo(np.int64).max)
        self._last = np.full(count.size, np.iinfo(np.int64).min)
        np.minimum.at(self._first, card, time_ms)
        np.maximum.at(self._last, card, time_ms)
        struck = np.bincount(ledger.card[ledger.fraud], minlength=count.size) > 0
        by_rate = np.argsort(honest_rates(ledger), kind="stable")
        able = by_rate[count[by_rate] >= FEWEST]
        self._unstruck, self._struck = able[~struck[able]], able[struck[able]]
        self._grafted = np.zeros(count.size, dtype=bool)
        self._taken: dict[int, list[tuple[int, int]]] = {}
        for place in np.flatnonzero(ledger.fraud):
            at = int(ledger.time_ms[place])
            self._taken.setdefault(int(ledger.card[place]), []).append((at, at))
        self._tick_ms = _tick(ledger.time_ms)

    def place(self, rng: np.random.Generator, episodes: Episodes) -> Placed:
        """A card and a time for each of the attacks.

        Raises:
            EpisodesError: there is no room for all of them.
        """
        card = np.empty(episodes.count, dtype=np.int64)
        time_ms = np.empty(episodes.cents.size, dtype=np.int64)
        for number, (begin, end) in enumerate(zip(episodes.start, episodes.ends, strict=True)):
            elapsed = np.cumsum(episodes.gap_ms[begin:end])
            wanted = int(episodes.clock_ms[number]), int(episodes.weekday[number]), int(elapsed[-1])
            found = self._found(rng, float(episodes.activity[number]), *wanted)
            if found is None:
                raise EpisodesError(
                    f"{episodes.count:,} episodes find no room; allowed here: {number:,}. An honest card has at least "
                    f"{FEWEST} transactions, and {APART_MS // MS_PER_DAY} days lie between two attacks on it"
                )
            card[number], start_ms = found
            self._taken.setdefault(found[0], []).append((start_ms, start_ms + wanted[2]))
            self._grafted[found[0]] = True
            # Whole ticks of the file's clock, and never before the start, which is one.
            time_ms[begin:end] = start_ms + elapsed // self._tick_ms * self._tick_ms
        return Placed(card, time_ms)

    def _found(
        self, rng: np.random.Generator, activity: float, clock_ms: int, weekday: int, lasts_ms: int
    ) -> tuple[int, int] | None:
        """The card nearest in activity that has room, and the start there."""
        for able in (self._unstruck, self._struck):
            nearest = np.argsort(np.abs(np.arange(able.size) - activity * max(able.size - 1, 0)), kind="stable")
            fresh = ~self._grafted[able[nearest]]
            # A card that no attack was grafted onto before another one.
            for card in np.concatenate([able[nearest][fresh], able[nearest][~fresh]]).tolist():
                start_ms = self._start(rng, card, clock_ms, weekday, lasts_ms)
                if start_ms is not None:
                    return card, start_ms
        return None

    def _start(self, rng: np.random.Generator, card: int, clock_ms: int, weekday: int, lasts_ms: int) -> int | None:
        first, last = int(self._first[card]), int(self._last[card]) - lasts_ms
        day = np.arange(first // MS_PER_DAY, last // MS_PER_DAY + 1)
        start = (day * MS_PER_DAY + clock_ms) // self._tick_ms * self._tick_ms
        free: Flags = (start >= first) & (start <= last)
        for begin, end in self._taken.get(card, ()):
            free &= (start > end + APART_MS) | (start + lasts_ms < begin - APART_MS)
        start = start[free]
        if not start.size:
            return None
        on_day = start[weekdays(start) == weekday]
        chosen = on_day if on_day.size else start
        return int(chosen[rng.integers(0, chosen.size)])


def _tick(time_ms: Ints) -> int:
    """The precision of a file's clock in milliseconds: 1, 1000 where all times are whole seconds, and so on.

    >>> [_tick(np.array(times)) for times in ([120_000], [2_000, 60_000], [2_300], [2_310], [2_001], [0])]
    [60000, 1000, 100, 10, 1, 1]
    """
    for tick in (60_000, 1_000, 100, 10):
        if time_ms.any() and not (time_ms % tick).any():
            return tick
    return 1
