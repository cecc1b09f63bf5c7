"""What was learned of how attacks unfold, and its JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from fraud.durations import MS_PER_DAY
from fraud.episodes.errors import EpisodesError
from fraud.episodes.ledger import Flags, Floats, Ints

VERSION = 1


@dataclass(frozen=True)
class EpisodeModel:
    """The known attacks, taken apart into steps, without card, merchant, place and date.

    Attributes:
        categories: the names that `category` counts in.
        start: of each episode where its steps begin; the steps of one lie one after the other. Episodes are in no order.
        gap_ms: of each step the time since the step before, 0 for a first one.
        cents: its amount.
        category: what was bought.
        clock_ms: the time of the day of each step, milliseconds since midnight.
        weekday: of each episode the day on which it began, Monday is 0.
        away: whether it happened far from where the card usually is; False where that is not known.
        activity: where its card stands among all cards by honest transactions a day, 0 to 1; NaN where not known.
        endings: how much more often than others each ending of an amount occurs (its last two digits): 100 shares.
        repeat: the chance that a step in the category of the one before is at the same merchant, over what chance alone gives.
        least_cents, most_cents: no amount is outside.

    The steps are those of real frauds, so it is as confidential as they are.
    """

    categories: tuple[str, ...]
    start: Ints
    gap_ms: Ints
    cents: Ints
    category: Ints
    clock_ms: Ints
    weekday: Ints
    away: Flags
    activity: Floats
    endings: Floats
    repeat: float
    least_cents: int
    most_cents: int

    @property
    def episodes(self) -> int:
        """How many attacks are known."""
        return self.start.size

    @property
    def episode(self) -> Ints:
        """Of each step the number of its episode."""
        begins = np.zeros(self.cents.size, dtype=np.int64)
        begins[self.start] = 1
        return np.asarray(np.cumsum(begins) - 1)

    @property
    def position(self) -> Ints:
        """Of each step how many come before it in its episode."""
        return np.asarray(np.arange(self.cents.size) - self.start[self.episode])

    @property
    def last(self) -> Flags:
        """Whether each step is the last of its episode."""
        last = np.ones(self.cents.size, dtype=bool)
        last[:-1] = self.episode[1:] != self.episode[:-1]
        return last

    def to_json(self) -> str:
        """The model as JSON text."""
        ends = [*self.start[1:].tolist(), self.cents.size]
        steps = np.stack([self.gap_ms, self.cents, self.category], axis=1).tolist()
        episodes = [
            {
                "weekday": int(self.weekday[number]),
                "clock_ms": int(self.clock_ms[begin]),
                "away": bool(self.away[number]),
                "activity": None if np.isnan(self.activity[number]) else round(float(self.activity[number]), 6),
                "steps": steps[begin:end],
            }
            for number, (begin, end) in enumerate(zip(self.start.tolist(), ends, strict=True))
        ]
        described = {
            "kind": "episodes",
            "version": VERSION,
            "categories": list(self.categories),
            "steps": ["gap_ms", "amount_cents", "category"],
            "episodes": episodes,
            "endings": [round(float(share), 6) for share in self.endings],
            "repeat": round(self.repeat, 6),
            "amount_cents": [self.least_cents, self.most_cents],
        }
        return json.dumps(described, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> EpisodeModel:
        """The model that `to_json` wrote.

        Raises:
            EpisodesError: it is not one.
        """
        try:
            return _read(json.loads(text))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise EpisodesError(
                "this is no model of episodes; needed: episodes.json, as `fraud synthesize episodes` writes it"
            ) from error


def _read(described: dict[str, Any]) -> EpisodeModel:
    if described["kind"] != "episodes" or described["version"] != VERSION:
        raise ValueError("another kind or version")
    episodes = described["episodes"]
    steps = np.array([step for episode in episodes for step in episode["steps"]], dtype=np.int64).reshape(-1, 3)
    lengths = np.array([len(episode["steps"]) for episode in episodes], dtype=np.int64)
    if (
        not lengths.size
        or lengths.min() < 1
        or not 0 <= steps[:, 2].min() <= steps[:, 2].max() < len(described["categories"])
    ):
        raise ValueError("an episode without steps, or a category that is not named")
    start = np.cumsum(lengths) - lengths
    gap_ms = steps[:, 0]
    elapsed = np.cumsum(gap_ms)
    begin = np.array([episode["clock_ms"] for episode in episodes], dtype=np.int64)
    return EpisodeModel(
        categories=tuple(str(name) for name in described["categories"]),
        start=start,
        gap_ms=gap_ms,
        cents=steps[:, 1],
        category=steps[:, 2],
        clock_ms=(np.repeat(begin - elapsed[start], lengths) + elapsed) % MS_PER_DAY,
        weekday=np.array([episode["weekday"] for episode in episodes], dtype=np.int64),
        away=np.array([episode["away"] for episode in episodes], dtype=bool),
        activity=np.array(
            [np.nan if episode["activity"] is None else episode["activity"] for episode in episodes], dtype=np.float64
        ),
        endings=np.array(described["endings"], dtype=np.float64).reshape(100),
        repeat=float(described["repeat"]),
        least_cents=int(described["amount_cents"][0]),
        most_cents=int(described["amount_cents"][1]),
    )
