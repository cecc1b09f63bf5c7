"""Learns from labelled frauds how attacks unfold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from fraud.durations import MS_PER_DAY
from fraud.episodes.errors import EpisodesError
from fraud.episodes.ledger import Floats, Ints, Ledger, Runs, fraud_runs, read_ledger
from fraud.episodes.model import EpisodeModel
from fraud.episodes.places import Places, find_places

FEWEST = 1
"""Known attacks that are needed. One gives variations of that one; what no known attack did, no sampled one does."""
_HONEST_ENDINGS = 200
"""So many frauds' worth of honest amounts stand beside the known frauds' when the endings of amounts are counted."""
_REPEATS_NEEDED = 5.0
"""So many pairs without a repeat stand beside the known ones: a few pairs prove no habit."""


def learn(transactions: pa.Table, *, known: int | None = None, seed: int = 0) -> EpisodeModel:
    """What the labelled frauds of some transactions say of how attacks unfold.

    An attack is a run of frauds of one card; a pause of over three days begins another. Honest transactions say how amounts
    end, where cards usually are, and how active a card is among the others.

    Args:
        transactions: `ledger.COLUMNS`, in any order.
        known: learn from so many of the attacks, drawn by the seed; None for all of them.
        seed: of that draw.

    Raises:
        EpisodesError: a column is missing, there is no honest transaction, or there are too few attacks.

    >>> from fraud.world import WorldSettings, generate, tokenised
    >>> world = tokenised(generate(WorldSettings(cards=40, days=30, fraud_rate=0.02)), b"0123456789abcdef")
    >>> learn(world, known=3).episodes
    3
    """
    ledger = read_ledger(transactions)
    if ledger.fraud.all():
        raise EpisodesError("the transactions hold no honest one (is_fraud 0); needed: the honest cards' too")
    runs = chosen_runs(fraud_runs(ledger), known, seed)
    return model_of(ledger, runs, find_places(ledger, np.random.default_rng([seed, 2])))


def chosen_runs(runs: Runs, known: int | None, seed: int) -> Runs:
    """So many of the runs, drawn by a seed; None for all.

    Raises:
        EpisodesError: there are fewer, or none.
    """
    if runs.count < FEWEST:
        raise EpisodesError("the transactions hold no labelled fraud (is_fraud 1); needed: at least one known attack")
    if known is None:
        return runs
    if not FEWEST <= known <= runs.count:
        raise EpisodesError(
            f"{known} known attacks; allowed: {FEWEST} to {runs.count}, as many as the transactions hold"
        )
    return runs.of(np.random.default_rng([seed, 1]).choice(runs.count, known, replace=False))


def model_of(ledger: Ledger, runs: Runs, places: Places) -> EpisodeModel:
    """The model of some runs, at least one."""
    row, first = runs.row, runs.first
    time_ms = ledger.time_ms[row]
    gap_ms = np.where(first, 0, np.diff(time_ms, prepend=time_ms[:1]))
    used, category = np.unique(ledger.category[row], return_inverse=True)
    begin = row[first]
    far = np.bincount(runs.run, places.away(row), minlength=runs.count)
    placed = np.bincount(runs.run, ~places.placeless[ledger.category[row]], minlength=runs.count)
    return EpisodeModel(
        categories=tuple(ledger.categories[code] for code in used),
        start=np.flatnonzero(first),
        gap_ms=gap_ms,
        cents=ledger.cents[row],
        category=category.astype(np.int64),
        clock_ms=time_ms % MS_PER_DAY,
        weekday=weekdays(ledger.time_ms[begin]),
        away=far > placed / 2,
        activity=_activity(ledger)[ledger.card[begin]],
        endings=_endings(ledger, row),
        repeat=_repeat(ledger, runs, places),
        least_cents=int(ledger.cents.min()),
        most_cents=int(ledger.cents.max()),
    )


def weekdays(time_ms: Ints) -> Ints:
    """The day of the week of moments, Monday is 0.

    >>> weekdays(np.array([0])).tolist()  # 1970-01-01 was a Thursday
    [3]
    """
    return np.asarray((time_ms // MS_PER_DAY + 3) % 7)


def honest_rates(ledger: Ledger) -> Floats:
    """Honest transactions a day of each card, from its first to its last; 0 for a card without any."""
    honest = ~ledger.fraud
    card, time_ms = ledger.card[honest], ledger.time_ms[honest]
    count = np.bincount(card, minlength=len(ledger.cards))
    first = np.full(count.size, np.iinfo(np.int64).max)
    last = np.zeros(count.size, dtype=np.int64)
    np.minimum.at(first, card, time_ms)
    np.maximum.at(last, card, time_ms)
    days = np.where(count > 0, last - first, 0) / MS_PER_DAY + 1
    return np.asarray(count / days)


def _activity(ledger: Ledger) -> Floats:
    rates = honest_rates(ledger)
    some = np.sort(rates[rates > 0])
    place = np.searchsorted(some, rates, side="left") / max(some.size - 1, 1)
    return np.where(rates > 0, np.minimum(place, 1.0), np.nan)


def _endings(ledger: Ledger, row: Ints) -> Floats:
    """The share of each ending over that of an ordinary one: price labels, whole amounts."""
    honest = np.bincount(ledger.cents[~ledger.fraud] % 100, minlength=100)
    counts = np.bincount(ledger.cents[row] % 100, minlength=100) + _HONEST_ENDINGS * honest / honest.sum()
    share = counts / counts.sum()
    over = share - np.median(share)
    # Of endings that are equally likely some come up more often by chance.
    noise = 3 * np.sqrt(np.maximum(np.median(share), 1 / counts.sum()) / counts.sum())
    return np.asarray(np.where(over > noise, over, 0.0))


def _repeat(ledger: Ledger, runs: Runs, places: Places) -> float:
    """How often two steps in one category are at one merchant, less what chance gives."""
    before, after = runs.row[:-1], runs.row[1:]
    pair = ~runs.first[1:] & (ledger.category[before] == ledger.category[after])
    before, after = before[pair][:500], after[pair][:500]
    if not before.size:
        return 0.0
    same = float((ledger.merchant[before] == ledger.merchant[after]).sum())
    chance = 0.0
    for row in after:
        sellers = places.sellers(int(ledger.category[row]), float(ledger.lat[row]), float(ledger.long[row]))
        if sellers.size:
            count = np.unique(ledger.merchant[sellers], return_counts=True)[1]
            chance += float(((count / count.sum()) ** 2).sum())
    return float(max(0.0, (same - chance) / (before.size + _REPEATS_NEEDED)))
