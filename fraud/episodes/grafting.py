"""Grafts sampled attacks onto honest cards' histories.

What is chosen, and why:

- **The card** is about as active among the cards as the victim that the attack was learned from; cards that suffered no fraud
  come first, then those whose own attacks leave room. Attacks on one card keep `APART_MS` between them.
- **The day** is any of the card's history on which the attack fits between its first and its last honest transaction, with
  the sampled weekday where there is one. Of how soon after its issue a card is attacked nothing is learned: a file seldom says
  when a card was issued.
- **The merchant** is one at which honest cards buy that category near the place: the card's usual one, or, for an attack far
  away, that of another card. What is bought from anywhere is bought anywhere.
- **Amounts** are the attack's own, whatever the card spends: a thief does not know its habits.
- **Coordinates** are the merchant's where merchants have fixed ones; otherwise new ones, scattered about the place as honest
  ones are. Times have the file's own precision, identifiers the file's own shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fraud.episodes.errors import EpisodesError
from fraud.episodes.hosts import Hosts, Placed
from fraud.episodes.identifiers import new_ids
from fraud.episodes.ledger import COLUMNS, Flags, Ints, Ledger, read_ledger
from fraud.episodes.places import Places, find_places
from fraud.episodes.sampling import Episodes


@dataclass(frozen=True)
class Grafted:
    """Transactions with grafted attacks among them, by time and then by identifier.

    Attributes:
        transactions: `ledger.COLUMNS`.
        synthetic: which rows were grafted.
        episode: of each row the number of its grafted attack, -1 for the given ones.
    """

    transactions: pa.Table
    synthetic: Flags
    episode: Ints


def graft(episodes: Episodes, transactions: pa.Table, seed: int, *, before_ms: int | None = None) -> Grafted:
    """The transactions and, on cards of theirs, the attacks as labelled fraud.

    Args:
        transactions: `ledger.COLUMNS`, in any order; honest ones of at least one card.
        seed: the same episodes, transactions and seed give the same rows.
        before_ms: graft only before this moment, milliseconds since 1970, so that what comes later stays real.

    Raises:
        EpisodesError: a column is missing, the model has a category that the honest transactions have not, or there is no room.
    """
    rng = np.random.default_rng([seed, 4])
    ledger = read_ledger(transactions)
    if ledger.fraud.all():
        raise EpisodesError("the transactions hold no honest one (is_fraud 0); needed: a card to graft onto")
    # A merchant is drawn from honest purchases alone: a category of which frauds alone are there has none.
    bought = [ledger.categories[code] for code in np.unique(ledger.category[~ledger.fraud])]
    unknown = sorted({episodes.categories[code] for code in np.unique(episodes.category)} - set(bought))
    if unknown:
        raise EpisodesError(
            f"category {unknown[0]}: the episodes have it, the honest transactions have not; allowed: {', '.join(bought)}"
        )
    placed = Hosts(ledger, before_ms).place(rng, episodes)
    rows = _rows(rng, episodes, placed, ledger, find_places(ledger, rng))
    given = pa.table({name: transactions[name].cast(_TYPES[name]) for name in COLUMNS})
    ids = new_ids(rng, given["transaction_id"].to_pylist(), episodes.cents.size)
    made = pa.table({"transaction_id": pa.array(ids, pa.string()), **rows}).select(COLUMNS).cast(given.schema)
    both = pa.concat_tables([given, made]).combine_chunks()
    order = pc.sort_indices(both, [("event_time", "ascending"), ("transaction_id", "ascending")])
    episode = np.repeat(np.arange(episodes.count), episodes.ends - episodes.start)
    episode = np.concatenate([np.full(given.num_rows, -1, dtype=np.int64), episode])[order.to_numpy()]
    return Grafted(both.take(order), episode >= 0, episode)


_TYPES = {
    "transaction_id": pa.string(),
    "cc_num": pa.string(),
    "amount_cents": pa.int64(),
    "event_time": pa.timestamp("ms", "UTC"),
    "merchant": pa.string(),
    "category": pa.string(),
    "merch_lat": pa.float64(),
    "merch_long": pa.float64(),
    "is_fraud": pa.int8(),
}


def _rows(
    rng: np.random.Generator, episodes: Episodes, placed: Placed, ledger: Ledger, places: Places
) -> dict[str, NDArray[np.generic] | pa.Array]:
    """The columns of the attacks' steps, but for their identifiers."""
    code = {name: place for place, name in enumerate(ledger.categories)}
    category = np.array([code.get(name, -1) for name in episodes.categories], dtype=np.int64)[episodes.category]
    merchant = np.empty(category.size, dtype=np.int64)
    lat, long = np.empty(category.size), np.empty(category.size)
    for number, (begin, end) in enumerate(zip(episodes.start, episodes.ends, strict=True)):
        at = _place(rng, int(placed.card[number]), bool(episodes.away[number]), places)
        for step in range(begin, end):
            sellers = places.sellers(int(category[step]), *at)
            seller = int(sellers[rng.integers(0, sellers.size)])
            merchant[step] = ledger.merchant[seller]
            lat[step], long[step] = ledger.lat[seller], ledger.long[seller]
            if episodes.same_merchant[step]:
                merchant[step], lat[step], long[step] = merchant[step - 1], lat[step - 1], long[step - 1]
            if not places.fixed:
                lat[step], long[step] = _scattered(rng, places, *at)
    card = np.repeat(placed.card, episodes.ends - episodes.start)
    return {
        "cc_num": pa.array(ledger.cards).take(pa.array(card)),
        "amount_cents": pa.array(episodes.cents),
        "event_time": pa.array(placed.time_ms).cast(pa.timestamp("ms", "UTC")),
        "merchant": pa.array(ledger.merchants).take(pa.array(merchant)),
        "category": pa.array(ledger.categories).take(pa.array(category)),
        "merch_lat": pa.array(lat),
        "merch_long": pa.array(long),
        "is_fraud": pa.array(np.ones(category.size, dtype=np.int8)),
    }


def _place(rng: np.random.Generator, card: int, away: bool, places: Places) -> tuple[float, float]:
    """Where an attack happens: the card's usual place, or that of another card far from it, if there is one."""
    lat, long = float(places.lat[card]), float(places.long[card])
    if away:
        far = np.hypot(places.lat - lat, (places.long - long) * np.cos(np.radians(lat))) > places.near
        others = np.flatnonzero(far)
        if others.size:
            other = int(others[rng.integers(0, others.size)])
            return float(places.lat[other]), float(places.long[other])
    return lat, long


def _scattered(rng: np.random.Generator, places: Places, lat: float, long: float) -> tuple[float, float]:
    """A place about another, as far as honest purchases are from where their card usually is, to the file's decimals."""
    north, east = places.scatter
    made: list[float] = []
    for centre, offsets, limit in ((lat, north, 90.0), (long, east, 180.0)):
        moved = centre + float(offsets[rng.integers(0, offsets.size)]) + float(rng.normal(0, _WOBBLE))
        made.append(round(min(max(moved, -limit), limit), places.decimals))
    return made[0], made[1]


_WOBBLE = 0.01
"""Degrees. Without it the coordinates of a card's first row less its place would show up again elsewhere."""
