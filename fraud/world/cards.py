"""The cards of a world: who holds them, where they live, how they spend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from faker import Faker
from numpy.typing import NDArray

from fraud.world.categories import CATEGORIES
from fraud.world.draws import Floats, Ints
from fraud.world.places import METROS
from fraud.world.settings import WorldSettings

CARD_NUMBER_PREFIX = "999900"
"""No issuer has these numbers: 9 is for national use and 9999 is given to nobody."""
HABIT_CELLS = 256
_POOL = 1500
_TOWNS = 6
ISSUED_DURING = 0.2


@dataclass(frozen=True)
class Habits:
    """How each card spends; every array has one row a card."""

    metro: Ints
    """Index of the home in METROS."""
    rate: Floats
    """Shopping occasions a day before scaling: log-normal, a few a month to tens a day."""
    issued_day: Ints
    """First day of use, 0 the start of the period; negative for the cards that are older."""
    weekend: Floats
    """Occasions on a Saturday or Sunday against a weekday."""
    shift: Ints
    """How much later than the average day the card's day runs, in milliseconds; night workers most."""
    spending: Floats
    """Factor on every amount."""
    category: NDArray[np.uint8]
    """HABIT_CELLS equally likely categories: a card never uses some."""
    favourite: NDArray[np.uint8]
    """For each category where the card's usual merchants begin in the list of its metro."""


def luhn_digit(digits: Ints) -> Ints:
    """The check digit of each row of 15 digits.

    >>> luhn_digit(np.array([[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])).tolist()
    [1]
    """
    weighted = digits.copy()
    weighted[:, ::2] *= 2
    weighted -= 9 * (weighted > 9)
    return np.asarray(-weighted.sum(axis=1) % 10)


def card_numbers(rng: np.random.Generator, count: int) -> list[str]:
    """Distinct card numbers of 16 digits that pass the Luhn check and belong to no issuer."""
    free = 15 - len(CARD_NUMBER_PREFIX)
    chosen = rng.choice(10**free, size=count, replace=False)
    digits = np.array([[int(digit) for digit in f"{CARD_NUMBER_PREFIX}{number:0{free}d}"] for number in chosen])
    checks = luhn_digit(digits)
    return [f"{CARD_NUMBER_PREFIX}{number:0{free}d}{check}" for number, check in zip(chosen, checks, strict=True)]


def make_habits(rng: np.random.Generator, settings: WorldSettings) -> Habits:
    """Draws how each card spends."""
    count = settings.cards
    population = np.sqrt([metro.population for metro in METROS])
    taste = np.array([category.share for category in CATEGORIES]) * rng.gamma(1.2, size=(count, len(CATEGORIES)))
    cumulative = np.cumsum(taste, axis=1)
    cells = (np.arange(HABIT_CELLS) + 0.5) / HABIT_CELLS
    category = np.zeros((count, HABIT_CELLS), dtype=np.uint8)
    for edge in (cumulative / cumulative[:, -1:])[:, :-1].T:
        category += cells > edge[:, None]
    issued = rng.integers(0, settings.days, count)
    night_worker = rng.random(count) < 0.04
    hours = rng.normal(0, 1.3, count) + 9 * night_worker
    return Habits(
        metro=rng.choice(len(METROS), size=count, p=population / population.sum()),
        rate=np.clip(rng.lognormal(0, 1.0, count), 0.05, 15.0),
        issued_day=np.where(rng.random(count) < ISSUED_DURING, issued, -1),
        weekend=rng.lognormal(0.15, 0.35, count),
        shift=(hours * 3_600_000).astype(np.int64),
        spending=rng.lognormal(0, 0.25, count),
        category=category,
        favourite=rng.integers(0, 240, (count, len(CATEGORIES)), dtype=np.uint8),
    )


def make_holders(rng: np.random.Generator, settings: WorldSettings, metro: Ints) -> pd.DataFrame:
    """Who holds each card: one row a card, the columns of Kaggle's fraudTrain.csv that describe the holder.

    `lat` and `long` are the home's, in degrees; `dob` is a date as text; `zip` has five digits.
    """
    count = settings.cards
    fake = Faker("en_US")
    fake.seed_instance(int(rng.integers(2**32)))
    pool = min(_POOL, 4 * count + 20)
    male = rng.random(count) < 0.49
    towns = [[place.city] * 2 + [fake.city() for _ in range(_TOWNS - 2)] for place in METROS]
    town_population = rng.lognormal(9.3, 1.1, (len(METROS), _TOWNS)).astype(np.int64)
    town_population[:, :2] = np.array([[place.population] for place in METROS])
    town_at = np.array([(place.lat, place.long) for place in METROS])[:, None, :] + rng.normal(
        0, 0.2, (len(METROS), _TOWNS, 2)
    )
    town = rng.integers(0, _TOWNS, count)
    at = town_at[metro, town] + rng.normal(0, 0.03, (count, 2))
    age_days = rng.triangular(18 * 365.25, 42 * 365.25, 92 * 365.25, count).astype(int)

    def chosen(names: list[str]) -> NDArray[np.object_]:
        return np.array(names, dtype=object)[rng.integers(0, len(names), count)]

    men = chosen([fake.first_name_male() for _ in range(pool)])
    women = chosen([fake.first_name_female() for _ in range(pool)])
    streets = chosen([fake.street_name() for _ in range(pool)])
    house = rng.integers(1, 9_999, count)
    return pd.DataFrame(
        {
            "card_number": card_numbers(rng, count),
            "first": np.where(male, men, women),
            "last": chosen([fake.last_name() for _ in range(pool)]),
            "gender": np.where(male, "M", "F"),
            "street": [f"{number} {street}" for number, street in zip(house, streets, strict=True)],
            "city": [towns[m][t] for m, t in zip(metro, town, strict=True)],
            "state": [METROS[m].state for m in metro],
            "zip": [f"{METROS[m].zip3}{10 + 7 * t:02d}" for m, t in zip(metro, town, strict=True)],
            "lat": at[:, 0].round(4),
            "long": at[:, 1].round(4),
            "city_pop": town_population[metro, town],
            "job": chosen([fake.job() for _ in range(min(pool, 500))]),
            "dob": [_before(settings.start, int(days)) for days in age_days],
        }
    )


def _before(day: date, days: int) -> str:
    return (day - timedelta(days=days)).isoformat()
