"""The merchants of a world: chains with branches, local shops, online shops."""

from __future__ import annotations

import numpy as np
import pandas as pd
from faker import Faker

from fraud.world.categories import CATEGORIES
from fraud.world.draws import Ints
from fraud.world.places import METROS

SHOPS = 8
"""Shops of each category in each metropolitan area."""
ONLINE_SHOPS = 48
_CHAINS = 8
_CHAIN_SHARE = 0.4
_ONLINE = np.array([category.online for category in CATEGORIES])
_SLOT = np.where(_ONLINE, np.cumsum(_ONLINE) - 1, np.cumsum(~_ONLINE) - 1)
_FIRST_ONLINE = int((~_ONLINE).sum()) * len(METROS) * SHOPS


def make_merchants(rng: np.random.Generator) -> pd.DataFrame:
    """One row a branch, in the order `choose_branch` counts on: `merchant`, `category` (index), `lat`, `long` in degrees.

    A chain's branches share one name; a name belongs to one category.
    """
    fake = Faker("en_US")
    fake.seed_instance(int(rng.integers(2**32)))
    taken: set[str] = set()

    def new_name() -> str:
        while (name := fake.company()) in taken:
            pass
        taken.add(name)
        return name

    shops = [index for index, category in enumerate(CATEGORIES) if not category.online]
    names: list[str] = []
    for _ in shops:
        chains = [new_name() for _ in range(_CHAINS)]
        places = len(METROS) * SHOPS
        chain = np.where(rng.random(places) < _CHAIN_SHARE, rng.integers(0, _CHAINS, places), -1)
        names += [chains[index] if index >= 0 else new_name() for index in chain]
    online = [index for index, category in enumerate(CATEGORIES) if category.online]
    names += [new_name() for _ in range(len(online) * ONLINE_SHOPS)]
    centres = np.array([(metro.lat, metro.long) for metro in METROS])
    metro = np.concatenate(
        [
            np.tile(np.repeat(np.arange(len(METROS)), SHOPS), len(shops)),
            rng.integers(0, len(METROS), len(online) * ONLINE_SHOPS),
        ]
    )
    at = (centres[metro] + rng.normal(0, 0.18, (metro.size, 2))).round(6)
    category = np.concatenate([np.repeat(shops, len(METROS) * SHOPS), np.repeat(online, ONLINE_SHOPS)])
    return pd.DataFrame({"merchant": names, "category": category, "lat": at[:, 0], "long": at[:, 1]})


def choose_branch(rng: np.random.Generator, category: Ints, metro: Ints, favourite: Ints) -> Ints:
    """Where each purchase is made, as a row of `make_merchants`.

    Args:
        category: index in CATEGORIES.
        metro: index in METROS; ignored for an online purchase.
        favourite: where the buyer's favourites begin in the list; the nearer to it, the likelier.
    """
    online = _ONLINE[category]
    shops = np.where(online, ONLINE_SHOPS, SHOPS)
    base = np.where(online, _FIRST_ONLINE, metro * SHOPS) + _SLOT[category] * np.where(
        online, ONLINE_SHOPS, len(METROS) * SHOPS
    )
    return np.asarray(base + ((rng.random(category.size) ** 2 * shops).astype(np.int64) + favourite) % shops)
