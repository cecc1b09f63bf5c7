"""Makes new attacks of a model of known ones.

A step follows from where the attack stands: how many steps were taken, what the last one cost, after what pause, in which
category, at what time of the day. Among the known steps those that stood alike are likelier to say what comes next: the pause
and the category (or the end) from one of them, the amount from another of that category. So small amounts first and large
ones later, night and day, fast and slow stay together, and steps of different attacks mix. Pauses and amounts are then moved
a little, so that no attack is a copy. Where nothing stood quite alike, what stood least unlike is taken: with one known attack
its own steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.episodes.errors import EpisodesError
from fraud.episodes.ledger import Flags, Floats, Ints
from fraud.episodes.model import EpisodeModel

MOST = 100_000
"""Attacks in one call."""
_AT_ONCE = 256
_LONGEST = 1.5
"""Times the longest known attack: a chain ends there if it has not by itself."""

_SPREAD_POSITION = 1.5
_SPREAD_HOURS = 1.0
_SPREAD_AMOUNT = 0.7
_SPREAD_PAUSE = 1.0
"""How unlike, in the logarithm for amounts and pauses, two standings may be before one says little of the other."""
_OTHER_CATEGORY = 0.3
"""What a step after another category counts against one after the same: the Markov chain's back-off."""

_SAME_ATTACK = 4.0
"""What a step of the attack that the last one was taken from counts against those of others: a kind of attack holds together."""

_START_MS = 0.5 * MS_PER_HOUR
_PAUSE_SHARE, _PAUSE_MOST_MS = 0.25, MS_PER_HOUR / 3
_CLOCK_FROM_MS = 2 * MS_PER_HOUR
"""After a longer pause the time of the day counts: whoever strikes at ten strikes at ten again."""
_AMOUNT_LEAST, _AMOUNT_MOST = 0.015, 0.25
"""By how much amounts are moved, in the logarithm, according to how close known ones of the category lie together."""
_ACTIVITY = 0.1


@dataclass(frozen=True)
class Episodes:
    """New attacks, not yet on any card; the arrays are as those of `EpisodeModel`.

    Attributes:
        start: of each attack where its steps begin.
        clock_ms: of each attack the time of the day at which it begins.
        activity: where its card is to stand among the others, 0 to 1.
        same_merchant: whether each step is at the merchant of the one before.
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
    same_merchant: Flags

    @property
    def count(self) -> int:
        """How many attacks there are."""
        return self.start.size

    @property
    def ends(self) -> Ints:
        """Of each attack where the steps of the next begin."""
        return np.append(self.start[1:], self.cents.size)


def sample(model: EpisodeModel, count: int, seed: int) -> Episodes:
    """So many new attacks; the same model and seed give the same ones.

    Raises:
        EpisodesError: the count is out of range.

    >>> from fraud.episodes import learn
    >>> from fraud.world import WorldSettings, generate, tokenised
    >>> world = tokenised(generate(WorldSettings(cards=40, days=30, fraud_rate=0.02)), b"0123456789abcdef")
    >>> sample(learn(world), 10, seed=1).count
    10
    """
    if not 1 <= count <= MOST:
        raise EpisodesError(f"{count:,} episodes; allowed: 1 to {MOST:,}")
    rng = np.random.default_rng([seed, 3])
    steps = _Steps(model)
    template = rng.integers(0, model.episodes, count)
    clock_ms = (
        np.rint(model.clock_ms[model.start[template]] + rng.normal(0, _START_MS, count)).astype(np.int64) % MS_PER_DAY
    )
    parts = [steps.chains(rng, clock_ms[begin : begin + _AT_ONCE]) for begin in range(0, count, _AT_ONCE)]
    attack = np.concatenate([part.attack + _AT_ONCE * number for number, part in enumerate(parts)])
    order = np.argsort(attack, kind="stable")
    gap_ms, cents, category = (
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("gap_ms", "cents", "category")
    )
    length = np.bincount(attack, minlength=count)
    start = np.cumsum(length) - length
    seen = np.bincount(model.weekday, minlength=7) + 1.0
    activity = np.abs(model.activity[template] + rng.normal(0, _ACTIVITY, count))
    activity = np.where(activity > 1, 2 - activity, activity)
    same = np.zeros(cents.size, dtype=bool)
    same[1:] = (category[1:] == category[:-1]) & (rng.random(cents.size - 1) < model.repeat)
    same[start] = False
    return Episodes(
        categories=model.categories,
        start=start,
        gap_ms=gap_ms,
        cents=_not_known(model, start, _with_endings(rng, model, cents), category),
        category=category,
        clock_ms=clock_ms,
        weekday=rng.choice(7, count, p=seen / seen.sum()),
        away=model.away[template],
        activity=np.where(np.isnan(activity), rng.random(count), activity),
        same_merchant=same,
    )


@dataclass(frozen=True)
class _Chains:
    """Steps by position, those of all attacks together."""

    attack: Ints
    gap_ms: Ints
    cents: Ints
    category: Ints


class _Steps:
    """The known steps as what others may follow from."""

    def __init__(self, model: EpisodeModel) -> None:
        self.model = model
        self.position, self.last, self.episode = model.position, model.last, model.episode
        self.amount, self.pause = np.log(np.maximum(model.cents, 1)), np.log(model.gap_ms + 1000.0)
        self.width = _widths(self.amount, model.category)
        self.longest = max(int(np.ceil(_LONGEST * (self.position.max() + 1))), 1)

    def chains(self, rng: np.random.Generator, clock_ms: Ints) -> _Chains:
        """The steps of attacks that begin at these times of the day."""
        model = self.model
        attack = np.arange(clock_ms.size)
        begins = np.flatnonzero(self.position == 0)
        likeness = _alike(_around(clock_ms[:, None] - model.clock_ms[begins]) / MS_PER_HOUR, _SPREAD_HOURS)
        donor = begins[_drawn(rng, likeness)]
        category = model.category[donor]
        clock, amount = clock_ms.astype(np.float64), np.full(attack.size, np.nan)
        pause = np.full(attack.size, np.nan)
        gap_ms = np.zeros(attack.size, dtype=np.int64)
        made: list[_Chains] = []
        for position in range(self.longest):
            cents = self._amounts(rng, position, category, amount)
            made.append(_Chains(attack, gap_ms, cents, category))
            amount = np.log(np.maximum(cents, 1))
            likeness = self._likeness(position, clock, amount, pause, category)
            likeness += np.where(self.episode[donor][:, None] == self.episode, np.log(_SAME_ATTACK), 0.0)
            donor = _drawn(rng, likeness)
            goes_on = ~self.last[donor]
            attack, clock, amount, donor = attack[goes_on], clock[goes_on], amount[goes_on], donor[goes_on]
            if not attack.size:
                break
            gap_ms = self._pauses(rng, donor, clock)
            donor = donor + 1
            pause, category = np.log(gap_ms + 1000.0), model.category[donor]
            clock = (clock + gap_ms) % MS_PER_DAY
        return _Chains(*(np.concatenate([getattr(part, name) for part in made]) for name in _Chains.__annotations__))

    def _likeness(self, position: int, clock: Floats, amount: Floats, pause: Floats, category: Ints) -> Floats:
        """How alike each attack and each known step stand: log-weights, a row an attack, a column a step."""
        model = self.model
        likeness = _alike(position - self.position, _SPREAD_POSITION)[None, :]
        likeness = likeness + _alike(_around(clock[:, None] - model.clock_ms) / MS_PER_HOUR, _SPREAD_HOURS)
        likeness = likeness + _alike(amount[:, None] - self.amount, _SPREAD_AMOUNT)
        likeness += np.where(category[:, None] == model.category, 0.0, np.log(_OTHER_CATEGORY))
        if position:
            likeness += np.where(self.position > 0, _alike(pause[:, None] - self.pause, _SPREAD_PAUSE), 0.0)
        return np.asarray(likeness)

    def _amounts(self, rng: np.random.Generator, position: int, category: Ints, before: Floats) -> Ints:
        """What the steps cost: by the category, the position and the amount before."""
        known_before = np.concatenate([[np.nan], self.amount[:-1]])
        likeness = _alike(position - self.position, _SPREAD_POSITION)[None, :]
        if position:
            likeness = likeness + np.where(
                self.position > 0, _alike(before[:, None] - known_before, _SPREAD_AMOUNT), _alike(2.0, 1.0)
            )
        donor = _drawn(rng, np.where(category[:, None] == self.model.category, likeness, -np.inf))
        moved = self.amount[donor] + self.width[donor] * rng.normal(size=donor.size)
        low, high = np.log(max(self.model.least_cents, 1)), np.log(max(self.model.most_cents, 1))
        # What would be out of range is reflected: an amount at its edge would pile up.
        moved = np.where(moved < low, 2 * low - moved, np.where(moved > high, 2 * high - moved, moved))
        return np.rint(np.exp(np.clip(moved, low, high))).astype(np.int64)

    def _pauses(self, rng: np.random.Generator, donor: Ints, clock: Floats) -> Ints:
        """How long after a step that stood as the donor did the next one comes."""
        known = self.model.gap_ms[donor + 1].astype(np.float64)
        at_its_hour = known + _around(self.model.clock_ms[donor] - clock)
        gap = np.where((known >= _CLOCK_FROM_MS) & (at_its_hour > known / 2), at_its_hour, known)
        moved = gap + np.minimum(_PAUSE_SHARE * gap, _PAUSE_MOST_MS) * rng.normal(size=gap.size)
        return np.rint(np.abs(moved)).astype(np.int64)


def _alike(difference: NDArray[np.float64] | Ints | float, spread: float) -> Floats:
    """The logarithm of a bell's height."""
    return np.asarray(-0.5 * (np.asarray(difference) / spread) ** 2)


def _around(difference: NDArray[np.float64] | Ints) -> Floats:
    """The difference of two times of the day the short way round the clock, in milliseconds.

    >>> _around(np.array([23 * MS_PER_HOUR])) / MS_PER_HOUR
    array([-1.])
    """
    return np.asarray((difference + MS_PER_DAY / 2) % MS_PER_DAY - MS_PER_DAY / 2)


def _drawn(rng: np.random.Generator, likeness: Floats) -> Ints:
    """For each row of log-weights, shape (n, m), one column."""
    likeness = np.atleast_2d(likeness)
    weight = np.cumsum(np.exp(likeness - likeness.max(axis=1, keepdims=True)), axis=1)
    at = rng.random(len(weight)) * weight[:, -1]
    return np.asarray(np.minimum((weight <= at[:, None]).sum(axis=1), weight.shape[1] - 1))


def _widths(amount: Floats, category: Ints) -> Floats:
    """How far each amount is moved: as far as the known ones of its category lie apart around it."""
    width = np.full(amount.size, _AMOUNT_MOST / 2)
    for code in np.unique(category):
        of = np.flatnonzero(category == code)
        if of.size > 1:
            nth = min(1 + int(np.sqrt(of.size) / 2), of.size - 1)
            away = np.abs(amount[of][:, None] - amount[of][None, :])
            width[of] = np.partition(away, nth, axis=1)[:, nth]
    return np.asarray(np.clip(width, _AMOUNT_LEAST, _AMOUNT_MOST))


def _with_endings(rng: np.random.Generator, model: EpisodeModel, cents: Ints) -> Ints:
    """Some amounts moved to the nearest with an ending that many amounts have."""
    chance = np.append(model.endings, max(0.0, 1 - model.endings.sum()))
    ending = rng.choice(101, cents.size, p=chance / chance.sum())
    moved = cents + (ending - cents + 50) % 100 - 50
    labelled = (ending < 100) & (moved >= max(model.least_cents, 1)) & (moved <= model.most_cents)
    return np.where(labelled, moved, cents)


def _not_known(model: EpisodeModel, start: Ints, cents: Ints, category: Ints) -> Ints:
    """The amounts, the last of an attack by some cents another where all of it equals a known one."""
    known = set(_whole(model.start, model.cents, category=model.category))
    cents = cents.copy()
    ends = np.append(start[1:], cents.size)
    for number, made in enumerate(_whole(start, cents, category=category)):
        if made in known:
            *before, (last, kind) = made
            others = (last + sign * by for by in range(1, len(known) + 1) for sign in (1, -1))
            allowed = (amount for amount in others if model.least_cents <= amount <= model.most_cents)
            free = (amount for amount in allowed if (*before, (amount, kind)) not in known)
            cents[ends[number] - 1] = next(free, last)
    return cents


def _whole(start: Ints, cents: Ints, category: Ints) -> list[tuple[tuple[int, int], ...]]:
    """Of each attack its (amount, category) in order."""
    ends = [*start[1:].tolist(), cents.size]
    steps = list(zip(cents.tolist(), category.tolist(), strict=True))
    return [tuple(steps[begin:end]) for begin, end in zip(start.tolist(), ends, strict=True)]
