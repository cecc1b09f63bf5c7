"""What honest card holders do: rhythms of day and week, favourite merchants, bursts of purchases, journeys, rare big ones."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.world.cards import HABIT_CELLS, Habits
from fraud.world.categories import CATEGORIES, INDEX
from fraud.world.draws import (
    AMOUNTS,
    TIMES_OF_DAY,
    Ints,
    amounts_dollars,
    from_table,
    log_normal_table,
    priced,
)
from fraud.world.merchants import choose_branch
from fraud.world.places import METROS
from fraud.world.rows import Rows, chain_times
from fraud.world.settings import WorldSettings

_SINGLE, _TRIP, _BASKET, _VENDING, _REPEAT = range(5)
_GAPS_MS = log_normal_table([(1, 0.1), (12 * 60e3, 0.7), (90e3, 0.6), (95e3, 0.5), (5e3, 0.35)])
_MORE = np.array([0.0, 0.4, 0.1, 0.25, 0.0])
"""The chance of one more purchase after the second, by kind of occasion."""
_TRIP_SHARE, _BASKET_SHARE, _VENDING_SHARE, _REPEAT_SHARE = 0.08, 0.025, 0.07, 0.00003
_LONGEST = 6
_APART_MS = 45_000
_BIG_SHARE = 0.0005
_BIG_FACTOR = log_normal_table([(7.0, 0.9)])
_DAYS_BETWEEN_JOURNEYS = 50
_EXPECTED_PURCHASES = 1.10
"""Purchases an occasion, a little low so that the first draw seldom falls short."""

_ONLINE = np.array([category.online for category in CATEGORIES])
_VENDING_CATEGORY = np.isin(np.arange(len(CATEGORIES)), [INDEX["gas_transport"], INDEX["misc_pos"]])


def honest_rows(rng: np.random.Generator, settings: WorldSettings, habits: Habits, count: int) -> Rows:
    """Exactly `count` honest transactions, grouped by card and not sorted by time."""
    margin = 1.02 * count + 8 * count**0.5 + 20
    rows = _draw(rng, settings, habits, margin)
    while rows.size < count:
        margin *= 1.5
        rows = _draw(rng, settings, habits, margin)
    kept = np.ones(rows.size, dtype=bool)
    kept[rng.choice(rows.size, rows.size - count, replace=False)] = False
    return rows.where(kept)


def _draw(rng: np.random.Generator, settings: WorldSettings, habits: Habits, expected: float) -> Rows:
    occasions = _occasions_a_day(rng, settings, habits, expected / _EXPECTED_PURCHASES)
    card_day = np.repeat(np.arange(occasions.size), occasions.ravel())
    card, day = card_day // settings.days, card_day % settings.days
    category = habits.category.ravel()[card * HABIT_CELLS + rng.integers(0, HABIT_CELLS, card.size, dtype=np.uint8)]
    time_of_day = from_table(rng, TIMES_OF_DAY, category.astype(np.int64)).astype(np.int64)
    start_ms = day * MS_PER_DAY + (time_of_day + habits.shift[card]) % MS_PER_DAY
    card, start_ms, category = _apart(card, start_ms, category, settings.days)
    card_day = card * settings.days + start_ms // MS_PER_DAY
    kind = _kinds(rng, category)
    length = _lengths(rng, kind)

    occasion = np.repeat(np.arange(card.size), length)
    first = np.ones(occasion.size, dtype=bool)
    first[1:] = occasion[1:] != occasion[:-1]
    follower = np.flatnonzero(~first)
    kind_of = kind[occasion[follower]]
    gaps = np.zeros(occasion.size)
    gaps[follower] = from_table(rng, _GAPS_MS, kind_of.astype(np.int64))

    row_card = card[occasion]
    row_category = category[occasion].astype(np.int64)
    wander = follower[kind_of == _TRIP]
    # A follower on a shopping trip buys something else; what it would buy online it buys at the shop it is in.
    other = habits.category[row_card[wander], rng.integers(0, HABIT_CELLS, wander.size)].astype(np.int64)
    row_category[wander] = np.where(_ONLINE[other], row_category[wander], other)

    metro = _whereabouts(rng, settings, habits)[card_day[occasion]]
    favourite = habits.favourite.ravel()[row_card * len(CATEGORIES) + row_category].astype(np.int64)
    branch = choose_branch(rng, row_category, metro, favourite)
    same = follower[kind_of != _TRIP]
    branch[same] = branch[np.flatnonzero(first)[occasion[same]]]

    dollars = amounts_dollars(rng, row_category)
    vending = np.flatnonzero(kind[occasion] == _VENDING)
    dollars[vending] = from_table(rng, AMOUNTS, 2 * row_category[vending])
    dollars *= habits.spending[row_card]
    big = np.flatnonzero(rng.random(dollars.size) < _BIG_SHARE)
    dollars[big] *= from_table(rng, _BIG_FACTOR, np.zeros(big.size, dtype=np.int64))
    rows = Rows(
        card=row_card,
        time_ms=chain_times(start_ms[occasion], gaps, first),
        cents=priced(rng, dollars),
        branch=branch,
        category=row_category,
        pattern=np.zeros(row_card.size, dtype=np.int8),
    )
    late = rows.time_ms >= settings.days * MS_PER_DAY
    return rows.where(~late) if late.any() else rows


def _occasions_a_day(
    rng: np.random.Generator, settings: WorldSettings, habits: Habits, expected: float
) -> NDArray[np.int64]:
    """How many times each card is taken out on each day: shape (cards, days), `expected` in all on average."""
    day = np.arange(settings.days)
    weekday = (date.weekday(settings.start) + day) % 7
    rate = habits.rate[:, None] * np.where(weekday >= 5, habits.weekend[:, None], 1.0)
    rate *= day >= habits.issued_day[:, None]
    rate *= rng.standard_gamma(4.0, rate.shape)
    counts: NDArray[np.int64] = rng.poisson(rate * (expected / rate.sum()))
    return counts


def _apart(card: Ints, start_ms: Ints, category: NDArray[np.uint8], days: int) -> tuple[Ints, Ints, NDArray[np.uint8]]:
    """The occasions by card and time, without those that begin within seconds of the one before.

    Nobody is in two shops at once; chance alone would put busy cards there often enough to hide rapid card testing.
    """
    period_ms = days * MS_PER_DAY
    # Category in the low bits: one sort of integers is several times faster than an indirect one.
    ordered = np.sort(((card * period_ms + start_ms) << 4) | category)
    moment = ordered >> 4
    kept = np.ones(moment.size, dtype=bool)
    kept[1:] = np.diff(moment) >= _APART_MS
    moment, ordered = moment[kept], ordered[kept]
    return moment // period_ms, moment % period_ms, (ordered & 15).astype(np.uint8)


def _kinds(rng: np.random.Generator, category: NDArray[np.uint8]) -> NDArray[np.int8]:
    chance = rng.random(category.size)
    repeat = rng.random(category.size) < _REPEAT_SHARE
    share = np.where(_ONLINE, _BASKET_SHARE, _TRIP_SHARE)[category]
    kind = np.where(chance < share, np.where(_ONLINE, _BASKET, _TRIP).astype(np.int8)[category], np.int8(_SINGLE))
    kind[_VENDING_CATEGORY[category] & (chance > 1 - _VENDING_SHARE)] = _VENDING
    kind[repeat] = _REPEAT
    return kind


def _lengths(rng: np.random.Generator, kind: NDArray[np.int8]) -> NDArray[np.int64]:
    length = np.where(kind == _SINGLE, 1, 2)
    several = np.flatnonzero(_MORE[kind] > 0)
    length[several] += np.minimum(rng.geometric(1 - _MORE[kind[several]]) - 1, _LONGEST - 2)
    return length


def _whereabouts(rng: np.random.Generator, settings: WorldSettings, habits: Habits) -> Ints:
    """The metropolitan area of each card on each day, flat by card and day: home but for journeys and day trips."""
    count, days = settings.cards, settings.days
    metro = np.repeat(habits.metro, days).reshape(count, days)
    day_trips = np.flatnonzero(rng.random(metro.size) < 0.004)
    metro.ravel()[day_trips] = rng.integers(0, len(METROS), day_trips.size)
    journeys = rng.poisson(count * days / _DAYS_BETWEEN_JOURNEYS)
    who, begin = rng.integers(0, count, journeys), rng.integers(0, days, journeys)
    where, length = rng.integers(0, len(METROS), journeys), rng.integers(2, 12, journeys)
    for after in range(int(length.max(initial=0))):
        away = (length > after) & (begin + after < days)
        metro[who[away], begin[away] + after] = where[away]
    return metro.ravel()
