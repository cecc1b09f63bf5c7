"""Where cards buy: their usual place, what is bought from anywhere, and who sells a category near a place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraud.episodes.ledger import Flags, Floats, Ints, Ledger

_NEAR = 4.0
"""Within so many times the usual distance of a purchase from the card's usual place is near."""
_MOST_DONORS = 20_000
"""Honest purchases of a category that are looked through; more cost time and show no other merchants."""
_FEWEST = 8
_MOST_DECIMALS = 8


@dataclass(frozen=True)
class Places:
    """Where honest purchases were made.

    Attributes:
        lat, long: the usual place of each card, in degrees: the median of its honest purchases; NaN for a card without any.
        near: how many degrees are near.
        placeless: for each category whether it is mostly bought far from the card's usual place, as online.
        fixed: whether a merchant's purchases share coordinates; otherwise each purchase has its own around the card's place.
        decimals: how many the coordinates have.
        rows: for each category some of its honest purchases, as places in the ledger.
        scatter: for some honest purchases how far each lies from its card's usual place: degrees of latitude, of longitude.
    """

    ledger: Ledger
    lat: Floats
    long: Floats
    near: float
    placeless: Flags
    fixed: bool
    decimals: int
    rows: tuple[Ints, ...]
    scatter: tuple[Floats, Floats]

    def away(self, rows: Ints) -> Flags:
        """Which purchases were made far from their card's usual place; never one that is made from anywhere."""
        ledger = self.ledger
        far = _distance(ledger, rows, self.lat, self.long) > self.near
        return far & ~self.placeless[ledger.category[rows]]

    def sellers(self, category: int, lat: float, long: float) -> Ints:
        """Honest purchases of a category near a place, or the nearest ones; of one bought from anywhere all."""
        rows = self.rows[category]
        if self.placeless[category] or rows.size <= _FEWEST:
            return rows
        distance = np.hypot(self.ledger.lat[rows] - lat, (self.ledger.long[rows] - long) * np.cos(np.radians(lat)))
        near = rows[distance <= self.near]
        return near if near.size >= _FEWEST else rows[np.argsort(distance, kind="stable")[:_FEWEST]]


def find_places(ledger: Ledger, rng: np.random.Generator) -> Places:
    """What the honest purchases say of places; at least one is needed."""
    honest = np.flatnonzero(~ledger.fraud)
    lat, long = _centres(ledger, honest)
    distance = _distance(ledger, honest, lat, long)
    usual = float(np.median(distance))
    placeless = np.array(
        [
            (of := ledger.category[honest] == category).any() and float(np.median(distance[of])) > _NEAR * usual
            for category in range(len(ledger.categories))
        ]
    )
    placed = honest[~placeless[ledger.category[honest]]]
    # What is bought from anywhere says nothing of where a card lives; a card that buys nothing else keeps what it says.
    placed_lat, placed_long = _centres(ledger, placed)
    known = ~np.isnan(placed_lat)
    lat[known], long[known] = placed_lat[known], placed_long[known]
    distance = _distance(ledger, placed, lat, long)
    some = _some(rng, placed)
    rows = tuple(_some(rng, honest[ledger.category[honest] == code]) for code in range(len(ledger.categories)))
    return Places(
        ledger=ledger,
        lat=lat,
        long=long,
        near=_NEAR * float(np.median(distance)) if placed.size else np.inf,
        placeless=placeless,
        fixed=_is_fixed(ledger, honest),
        decimals=_decimals(np.concatenate([ledger.lat[some], ledger.long[some]])),
        rows=rows,
        scatter=(ledger.lat[some] - lat[ledger.card[some]], ledger.long[some] - long[ledger.card[some]]),
    )


def _some(rng: np.random.Generator, rows: Ints) -> Ints:
    return rows if rows.size <= _MOST_DONORS else np.sort(rng.choice(rows, _MOST_DONORS, replace=False))


def _centres(ledger: Ledger, rows: Ints) -> tuple[Floats, Floats]:
    found = []
    card = ledger.card[rows]
    for degrees in (ledger.lat[rows], ledger.long[rows]):
        order = np.lexsort((degrees, card))
        count = np.bincount(card, minlength=len(ledger.cards))
        there = count > 0
        middle = np.cumsum(count) - count + count // 2
        centre = np.full(count.size, np.nan)
        centre[there] = degrees[order[middle[there]]]
        found.append(centre)
    return found[0], found[1]


def _distance(ledger: Ledger, rows: Ints, lat: Floats, long: Floats) -> Floats:
    """In degrees of a great circle, near enough for telling near from far; NaN for a card without a usual place."""
    card = ledger.card[rows]
    east = (ledger.long[rows] - long[card]) * np.cos(np.radians(lat[card]))
    return np.asarray(np.hypot(ledger.lat[rows] - lat[card], east))


def _is_fixed(ledger: Ledger, rows: Ints) -> bool:
    """Whether most purchases share merchant and coordinates with another one."""
    lat, long = (np.rint(degrees[rows] * 1e6).astype(np.int64) for degrees in (ledger.lat, ledger.long))
    # One integer a place: equal places have equal ones, and others hardly ever.
    place = ledger.merchant[rows] * 0x1E3779B97F4A7C15 + lat * 0x2545F4914F6CDD1D + long * 0x1B873593CC9E2D51
    _, count = np.unique(place, return_counts=True)
    return bool(count[count > 1].sum() > rows.size / 2)


def _decimals(degrees: Floats) -> int:
    for decimals in range(_MOST_DECIMALS):
        if (degrees.round(decimals) == degrees).all():
            return decimals
    return _MOST_DECIMALS
