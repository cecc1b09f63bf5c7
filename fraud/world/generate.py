"""A world: cards, merchants, and everything that happened to them in the period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import pandas as pd
import pyarrow as pa

from fraud.world.cards import make_habits, make_holders
from fraud.world.categories import NAMES
from fraud.world.honest import honest_rows
from fraud.world.incidents import PATTERNS, incident_lengths, incident_rows
from fraud.world.merchants import make_merchants
from fraud.world.optional import optional_columns
from fraud.world.rows import in_time_order
from fraud.world.settings import WorldSettings


@dataclass(frozen=True)
class World:
    """Made-up cards, merchants and transactions.

    Attributes:
        settings: what it was made from.
        transactions: by time: `transaction_id` (32 hex characters), `card` (row of `cards`), `amount_cents`,
            `event_time` (milliseconds, UTC), `merchant`, `category`, `merch_lat`, `merch_long` (degrees), `is_fraud`
            (0 or 1), `pattern` (empty for honest rows), and those of `fraud.world.optional`.
        cards: one row a card: `card_number` and the holder, in Kaggle's columns.
        merchants: one row a branch: `merchant`, `category`, `lat`, `long`.
    """

    settings: WorldSettings
    transactions: pa.Table
    cards: pd.DataFrame
    merchants: pd.DataFrame


def generate(settings: WorldSettings) -> World:
    """The world of the settings; the same settings give the same bytes.

    The clock is the card holder's own, written as UTC, as in Kaggle's data: night is night everywhere.

    >>> world = generate(WorldSettings(cards=20, days=10))
    >>> world.transactions.num_rows
    711
    >>> world.transactions.column_names[:4]
    ['transaction_id', 'card', 'amount_cents', 'event_time']
    """
    # Each part has its own stream, so that a change to one leaves the draws of the others as they were.
    parts = [np.random.Generator(np.random.PCG64(seed)) for seed in np.random.SeedSequence(settings.seed).spawn(7)]
    for_habits, for_holders, for_merchants, for_honest, for_fraud, for_ids, for_optional = parts
    habits = make_habits(for_habits, settings)
    holders = make_holders(for_holders, settings, habits.metro)
    merchants = make_merchants(for_merchants)
    wanted = min(round(settings.rows * settings.fraud_rate), settings.rows - 1)
    pattern, length = incident_lengths(for_fraud, wanted)
    honest = honest_rows(for_honest, settings, habits, max(1, settings.rows - int(length.sum())))
    per_card = np.bincount(honest.card, minlength=settings.cards)
    rows = honest.and_then(incident_rows(for_fraud, settings, habits, honest=per_card, pattern=pattern, length=length))
    del honest
    rows = in_time_order(rows, settings.days)

    start_ms = int(datetime.combine(settings.start, datetime.min.time(), timezone.utc).timestamp()) * 1000
    names, name_of_branch = np.unique(merchants["merchant"].to_numpy(dtype=str), return_inverse=True)
    pattern_names = ["", *(pattern.name for pattern in PATTERNS)]
    transactions = pa.table(
        {
            "transaction_id": random_ids(for_ids, rows.size),
            "card": pa.array(rows.card.astype(np.int32)),
            "amount_cents": pa.array(rows.cents),
            "event_time": pa.array(rows.time_ms + start_ms).cast(pa.timestamp("ms", "UTC")),
            "merchant": _dictionary(name_of_branch.astype(np.int32)[rows.branch], names.tolist()),
            "category": _dictionary(rows.category.astype(np.int8), NAMES),
            "merch_lat": pa.array(merchants["lat"].to_numpy()[rows.branch]),
            "merch_long": pa.array(merchants["long"].to_numpy()[rows.branch]),
            "is_fraud": pa.array((rows.pattern > 0).astype(np.int8)),
            "pattern": _dictionary(rows.pattern, pattern_names),
            **optional_columns(for_optional, rows, len(merchants)),
        }
    )
    branches = merchants.assign(category=[NAMES[index] for index in merchants["category"]])
    return World(settings=settings, transactions=transactions, cards=holders, merchants=branches)


_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint16)


def random_ids(rng: np.random.Generator, count: int) -> pa.Array:
    """`count` random identifiers of 32 hex characters.

    >>> random_ids(np.random.default_rng(1), 1).to_pylist()
    ['ffe42279f3bd068366a852c1bb9651f3']
    """
    text = _HEX[np.frombuffer(rng.bytes(16 * count), dtype=np.uint8)]
    offsets = np.arange(count + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def _dictionary(indices: np.ndarray, values: list[str] | tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(values, pa.string()))
