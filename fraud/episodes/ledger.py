"""Labelled transactions as parallel arrays, and the runs of fraud in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.episodes.errors import EpisodesError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

COLUMNS = ("transaction_id", "cc_num", "amount_cents", "event_time", "merchant", "category", "merch_lat", "merch_long",
           "is_fraud")  # fmt: skip
"""What is read of a table of transactions: the contract's fields (`fraud.transaction`) and the label, 0 or 1."""

APART_MS = 3 * MS_PER_DAY
"""Frauds of one card that lie further apart are two attacks: the longest pause within one is a night and a day."""


@dataclass(frozen=True)
class Ledger:
    """One entry a transaction in every array, in the order of the table that they were read from.

    Attributes:
        card, merchant, category: the place in `cards`, `merchants`, `categories`.
        time_ms: milliseconds since 1970 in UTC.
        lat, long: where it was, in degrees.
    """

    card: Ints
    time_ms: Ints
    cents: Ints
    merchant: Ints
    category: Ints
    lat: Floats
    long: Floats
    fraud: Flags
    cards: tuple[str, ...]
    merchants: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many transactions there are."""
        return self.card.size


def read_ledger(table: pa.Table) -> Ledger:
    """The arrays of a table that has `COLUMNS`; others are not read.

    Raises:
        EpisodesError: a column is missing, or there is no transaction.
    """
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise EpisodesError(f"the transactions lack the column {missing[0]}; needed: {', '.join(COLUMNS)}")
    if not table.num_rows:
        raise EpisodesError("there are no transactions; needed: honest ones and labelled frauds")
    (card, cards), (merchant, merchants), (category, categories) = (
        _codes(table[name]) for name in ("cc_num", "merchant", "category")
    )
    return Ledger(
        card=card,
        time_ms=_numbers(table["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()), np.int64),
        cents=_numbers(table["amount_cents"], np.int64),
        merchant=merchant,
        category=category,
        lat=_numbers(table["merch_lat"], np.float64),
        long=_numbers(table["merch_long"], np.float64),
        fraud=_numbers(table["is_fraud"], np.int64) == 1,
        cards=cards,
        merchants=merchants,
        categories=categories,
    )


def _numbers(column: pa.ChunkedArray, kind: Any) -> NDArray[Any]:
    return np.asarray(column.to_numpy(), dtype=kind)


def _codes(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Each text's place among the distinct ones, which are sorted: the same rows in another order have the same codes."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    return rank[encoded.indices.to_numpy()], tuple(encoded.dictionary.take(pa.array(order)).to_pylist())


@dataclass(frozen=True)
class Runs:
    """Frauds in the order in which they unfolded.

    Attributes:
        row: places in the ledger; each run's one after the other, by time.
        run: the number of the run of each, from 0, without gaps.
    """

    row: Ints
    run: Ints

    @property
    def count(self) -> int:
        """How many runs there are."""
        return int(self.run[-1]) + 1 if self.run.size else 0

    @property
    def first(self) -> Flags:
        """Whether each fraud is the first of its run."""
        first = np.ones(self.run.size, dtype=bool)
        first[1:] = self.run[1:] != self.run[:-1]
        return first

    def of(self, chosen: Sequence[int] | Ints) -> Runs:
        """Some of the runs, numbered anew in their old order."""
        kept = np.isin(self.run, np.asarray(chosen, dtype=np.int64))
        return Runs(self.row[kept], np.unique(self.run[kept], return_inverse=True)[1].astype(np.int64))


def fraud_runs(ledger: Ledger) -> Runs:
    """The attacks: each card's frauds, cut where more than `APART_MS` lies between two."""
    row = np.flatnonzero(ledger.fraud)
    row = row[np.lexsort((row, ledger.time_ms[row], ledger.card[row]))]
    card, time_ms = ledger.card[row], ledger.time_ms[row]
    begins = np.ones(row.size, dtype=bool)
    begins[1:] = (card[1:] != card[:-1]) | (np.diff(time_ms) > APART_MS)
    return Runs(row, np.cumsum(begins) - 1)
