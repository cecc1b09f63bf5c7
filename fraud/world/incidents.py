"""What thieves do: card testing slow and rapid, lost or stolen cards, account takeover.

An incident is one run of fraud on one card. Its rows take merchants and price endings from the same draws as honest rows,
and amounts from ranges that honest rows fill too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fraud.durations import MS_PER_DAY
from fraud.world.cards import Habits
from fraud.world.categories import CATEGORIES, INDEX
from fraud.world.draws import Floats, Ints, from_table, log_normal_table, priced, rhythm_table
from fraud.world.merchants import choose_branch
from fraud.world.places import METROS
from fraud.world.rows import Rows, chain_times
from fraud.world.settings import WorldSettings

_MINUTE, _HOUR = 60e3, 3600e3


class Pattern(NamedTuple):
    """One way of using another's card.

    `share` is of the incidents; `lengths` the fewest and most transactions; `probes` the share of an incident that comes
    first, in small amounts, as (least, most). A gap is (median in milliseconds, spread of the logarithm); a probe is
    (median in dollars, spread); an amount is (median share of the category's LOOT, spread). `away` is the chance that it
    happens in another metropolitan area.
    """

    name: str
    share: float
    lengths: tuple[int, int]
    probes: tuple[float, float]
    probe_gap: tuple[float, float]
    gap: tuple[float, float]
    probe: tuple[float, float]
    amount: tuple[float, float]
    rhythm: str
    away: float
    categories: Mapping[str, float]


_ANYWHERE = {"misc_net": 3, "shopping_net": 4, "grocery_net": 1, "misc_pos": 2, "gas_transport": 2, "shopping_pos": 2}
_IN_SHOPS = {
    "shopping_pos": 4, "grocery_pos": 3, "home": 2, "gas_transport": 1, "misc_pos": 1, "entertainment": 2,
    "food_dining": 1, "personal_care": 1, "kids_pets": 1, "health_fitness": 1,
}  # fmt: skip
_ONLINE = {"shopping_net": 4, "misc_net": 3, "travel": 2, "grocery_net": 1, "entertainment": 1, "home": 1}

PATTERNS: tuple[Pattern, ...] = (
    Pattern("card_testing", 0.20, (3, 12), (0.3, 0.6), (9e3, 0.7), (60e3, 0.6), (9.0, 0.9), (0.8, 0.3),
            "night", 0.3, _ANYWHERE),
    Pattern("night_testing", 0.12, (3, 12), (1.0, 1.0), (22e3, 0.5), (22e3, 0.5), (30.0, 1.0), (0.5, 0.5),
            "night", 0.3, _ANYWHERE),
    Pattern("rapid_testing", 0.14, (8, 12), (1.0, 1.0), (4e3, 0.4), (4e3, 0.4), (6.0, 0.8), (0.5, 0.5),
            "online", 0.2, _ANYWHERE),
    Pattern("lost_or_stolen", 0.27, (5, 12), (0.0, 0.06), (5 * _MINUTE, 0.6), (5.5 * _MINUTE, 0.7), (14.0, 0.7),
            (0.9, 0.3), "shops", 0.85, _IN_SHOPS),
    Pattern("account_takeover", 0.27, (8, 16), (0.0, 0.05), (2 * _HOUR, 0.6), (3.5 * _HOUR, 0.6), (20.0, 0.7),
            (1.0, 0.25), "night", 0.1, _ONLINE),
)  # fmt: skip
LOOT = {
    "shopping_net": 900.0, "misc_net": 740.0, "travel": 1050.0, "entertainment": 560.0, "grocery_net": 440.0, "home": 640.0,
    "shopping_pos": 820.0, "grocery_pos": 480.0, "misc_pos": 560.0, "personal_care": 440.0, "kids_pets": 460.0,
    "health_fitness": 470.0, "food_dining": 400.0, "gas_transport": 280.0,
}  # fmt: skip
"""What thieves spend at a time once a card works, in dollars: a lot, but what honest holders also spend now and then."""
_LOOT = np.array([LOOT[category.name] for category in CATEGORIES])
_NEW_CARD_SHARE = 0.12
_NEW_CARD_DAYS = 2
_AGAIN_SHARE = 0.15
"""Of the incidents, those on a card that suffers another one too."""
_NIGHT_TESTING_MS = 3 * _MINUTE


def _weights(pattern: Pattern) -> Floats:
    weights = np.zeros(len(CATEGORIES))
    for name, weight in pattern.categories.items():
        weights[INDEX[name]] = weight
    return np.asarray(weights / weights.sum())


_CATEGORY_EDGES = np.cumsum([_weights(pattern) for pattern in PATTERNS], axis=1)
_PROBE_GAPS = log_normal_table([pattern.probe_gap for pattern in PATTERNS])
_GAPS = log_normal_table([pattern.gap for pattern in PATTERNS])
_PROBES = log_normal_table([pattern.probe for pattern in PATTERNS])
_AMOUNTS = log_normal_table([pattern.amount for pattern in PATTERNS])
_TIMES = rhythm_table([pattern.rhythm for pattern in PATTERNS])
_MOST_DOLLARS = 1_500.0


def incident_lengths(rng: np.random.Generator, count: int) -> tuple[Ints, Ints]:
    """The pattern (index in PATTERNS) and the length of as many incidents as make up about `count` rows.

    At least one if `count` is not 0; in all off by at most half an incident.
    """
    if count == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    incidents = count // 3 + 1
    pattern = rng.choice(len(PATTERNS), size=incidents, p=[pattern.share for pattern in PATTERNS])
    fewest, most = np.array([pattern.lengths for pattern in PATTERNS])[pattern].T
    # The longer of two draws: short runs happen, but most thieves go on until the card is refused.
    length = np.maximum(rng.integers(fewest, most + 1), rng.integers(fewest, most + 1))
    used = max(1, int(np.argmin(np.abs(np.cumsum(length) - count))) + 1)
    return pattern[:used], length[:used]


def incident_rows(
    rng: np.random.Generator, settings: WorldSettings, habits: Habits, *, honest: Ints, pattern: Ints, length: Ints
) -> Rows:
    """The transactions of the incidents, one after the other.

    Args:
        honest: how many honest transactions each card has; a card without any is spared.
        pattern, length: see `incident_lengths`.
    """
    card, start_ms = _victims(rng, settings, habits, honest, pattern)
    of = np.repeat(np.arange(pattern.size), length)
    first = np.ones(of.size, dtype=bool)
    first[1:] = of[1:] != of[:-1]
    place = np.arange(of.size) - np.flatnonzero(first)[of]
    least, most = np.array([pattern_.probes for pattern_ in PATTERNS])[pattern].T
    probes = np.rint(rng.uniform(least, most + 1e-9) * length)
    probe = place < probes[of]
    kind = pattern[of]

    gaps = np.where(probe, from_table(rng, _PROBE_GAPS, kind), from_table(rng, _GAPS, kind))
    gaps[first] = 0
    gaps = _within(rng, settings, pattern, start_ms=start_ms, gaps=gaps, of=of)
    category = (rng.random(of.size)[:, None] > _CATEGORY_EDGES[kind][:, :-1]).sum(axis=1)
    dollars = np.where(probe, from_table(rng, _PROBES, kind), from_table(rng, _AMOUNTS, kind) * _LOOT[category])
    over = dollars > _MOST_DOLLARS
    dollars[over] = rng.uniform(300, _MOST_DOLLARS, int(over.sum()))

    away = rng.random(pattern.size) < np.array([pattern_.away for pattern_ in PATTERNS])[pattern]
    metro = np.where(away, rng.integers(0, len(METROS), pattern.size), habits.metro[card])
    favourite = rng.integers(0, 240, of.size)
    return Rows(
        card=card[of],
        time_ms=chain_times(start_ms[of], gaps, first),
        cents=priced(rng, dollars),
        branch=choose_branch(rng, category, metro[of], favourite),
        category=category,
        pattern=(kind + 1).astype(np.int8),
    )


def _victims(
    rng: np.random.Generator, settings: WorldSettings, habits: Habits, honest: Ints, pattern: Ints
) -> tuple[Ints, Ints]:
    """The card of each incident and when it starts: most on cards with a history, some on cards just issued."""
    weight = np.sqrt(honest)
    card = rng.choice(honest.size, size=pattern.size, p=weight / weight.sum())
    again = rng.random(pattern.size) < _AGAIN_SHARE
    card = np.where(again, card[(rng.random(pattern.size) * np.arange(pattern.size)).astype(np.int64)], card)
    new = np.flatnonzero((honest > 0) & (habits.issued_day >= 0))
    on_new = rng.random(pattern.size) < (_NEW_CARD_SHARE if new.size else 0.0)
    if new.size:
        card = np.where(on_new, rng.choice(new, pattern.size), card)
    begin = np.maximum(habits.issued_day[card], 0)
    end = np.where(on_new, np.minimum(begin + _NEW_CARD_DAYS, settings.days), settings.days)
    day = rng.integers(begin, end)
    return card, day * MS_PER_DAY + from_table(rng, _TIMES, pattern).astype(np.int64)


def _within(
    rng: np.random.Generator, settings: WorldSettings, pattern: Ints, *, start_ms: Ints, gaps: Floats, of: Ints
) -> Floats:
    """The gaps, drawn together where an incident would outlast the period or, at night, its three minutes."""
    lasts = np.bincount(of, weights=gaps, minlength=pattern.size)
    room = (settings.days * MS_PER_DAY - 1 - start_ms).astype(np.float64)
    at_night = np.array([pattern_.name == "night_testing" for pattern_ in PATTERNS])[pattern]
    room = np.where(at_night, np.minimum(room, _NIGHT_TESTING_MS * rng.uniform(0.4, 1.0, pattern.size)), room)
    return gaps * np.minimum(1.0, room / np.maximum(lasts, 1.0))[of]
