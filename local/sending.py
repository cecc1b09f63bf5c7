"""Transactions of now into the standing application, and what it decides."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Producer

from fraud.durations import MS_PER_DAY
from fraud.world import WorldSettings, generate, stream_messages, tokenised
from fraud.world.tables import stream_columns
from local.application import Application, ApplicationError
from local.attacks import BURST_CENTS, HOUR_MS, ONLINE

TOPIC = "transactions"
PATIENCE_S = 90
"""How long sending waits for the next decision."""
SENDING_TIMEOUT_S = 90
"""How long a transaction waits for Kafka: a broker that was killed is back on its data before that, also on a busy machine."""
READ_EVERY_S = 0.5


@dataclass(frozen=True)
class Purchases:
    """What is sent.

    Attributes:
        rows: tokenised transactions in the columns of `fraud.world.tables`, with ids of their own.
        attack: the ids of those that are an attack; they come last.
    """

    rows: pa.Table
    attack: frozenset[str] = frozenset()


def of_unknown_cards(count: int, *, attack: bool, key: bytes) -> Purchases:
    """Purchases of cards that the application knows nothing of.

    Args:
        attack: ends with ten small purchases on one card.
        key: the card-token key.
    """
    seed = secrets.randbelow(2**32)
    rows = tokenised(generate(WorldSettings(cards=500, days=5, transactions=max(count, 1000), seed=seed)), key)
    rows = rows.slice(rows.num_rows - count).select(stream_columns(rows))
    return _with_ids(rows, _burst(rows, rows.slice(rows.num_rows - 1)) if attack else None)


def of_known_cards(following: pa.Table, count: int, *, attack: bool, now_ms: int) -> Purchases:
    """Purchases of a kept world's cards: what each is going to buy at this time of the day, some day soon.

    No card buys a second time before every one has bought once: a card that buys often within minutes is what an attack looks
    like, and the model says so.

    Args:
        following: as `local.kept_world.Past` has it.
        attack: ends with ten small purchases, made online, on one card that buys nothing else here if there is such a card.
        now_ms: milliseconds since 1970.

    >>> from fraud.world import WorldSettings, generate, tokenised
    >>> following = tokenised(generate(WorldSettings(cards=50, days=9)), b"0123456789abcdef")
    >>> at_noon = of_known_cards(following, 20, attack=False, now_ms=12 * HOUR_MS).rows
    >>> at_noon.num_rows, len(set(at_noon["cc_num"].to_pylist()))
    (20, 20)
    """
    away_ms = (following["event_time"].cast(pa.int64()).to_numpy() - now_ms) % MS_PER_DAY
    half_hours = np.minimum(away_ms, MS_PER_DAY - away_ms) // (HOUR_MS // 2)
    cards = following["cc_num"].cast(pa.string()).to_pandas()
    nearest = np.lexsort((np.random.default_rng().random(len(cards)), half_hours))
    turns = cards.iloc[nearest].groupby(cards.iloc[nearest]).cumcount().to_numpy()
    by_turn = nearest[np.argsort(turns, kind="stable")]
    chosen = by_turn[np.arange(count) % len(by_turn)]
    rows = following.select(stream_columns(following)).take(pa.array(chosen))
    quiet = by_turn[min(count, int((turns == 0).sum()) - 1)]
    return _with_ids(rows, _burst(following, following.slice(int(quiet), 1)) if attack else None)


def of_rows(rows: pa.Table, *, attack: bool) -> Purchases:
    """Transactions of someone's own, with new ids, so that they can be sent again.

    Args:
        rows: tokenised under the application's key, in the columns of `fraud.world.tables`; fields that may be missing go with
            them.
        attack: ends with ten small purchases on the card of the last one.
    """
    rows = rows.select(stream_columns(rows))
    return _with_ids(rows, _burst(rows, rows.slice(rows.num_rows - 1)) if attack else None)


def _burst(shops: pa.Table, of_card: pa.Table) -> pa.Table:
    """Ten small purchases on the card of a row, online, if a shop there is online: stolen numbers are tried out so."""
    online = shops.filter(pc.equal(shops["category"].cast(pa.string()), ONLINE))
    row = (online if online.num_rows else of_card).slice(0, 1)
    row = row.select(stream_columns(row))
    burst = pa.concat_tables([row] * len(BURST_CENTS))
    cents = pa.array(BURST_CENTS, row.schema.field("amount_cents").type)
    card = pa.array([of_card["cc_num"].cast(pa.string())[0].as_py()] * len(BURST_CENTS))
    return _with(_with(burst, "amount_cents", cents), "cc_num", card)


def _with_ids(rows: pa.Table, attack: pa.Table | None) -> Purchases:
    rows = _with(rows, "cc_num", rows["cc_num"].cast(pa.string()))
    honest = rows.num_rows
    if attack is not None:
        rows = pa.concat_tables([rows, attack], promote_options="permissive")
    # letters: eight digits and the five behind them may be a card number, which is refused
    run = "".join(secrets.choice(ascii_lowercase) for _ in range(8))
    ids = [f"sent-{run}-{number:05}" for number in range(rows.num_rows)]
    return Purchases(_with(rows, "transaction_id", pa.array(ids)), frozenset(ids[honest:]))


def _with(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def send(application: Application, rows: pa.Table, rate: float) -> Iterator[dict[str, Any]]:
    """Sends the rows, and gives each decision as it is made.

    Args:
        rate: transactions a second.

    Raises:
        ApplicationError: Kafka did not take some, or none was decided any more for a while.
    """
    now_ms = int(time.time() * 1000)
    times = pa.array([now_ms] * rows.num_rows, pa.timestamp("ms", "UTC"))
    rows = _with(rows, "event_time", times)
    keys = rows["cc_num"].to_pylist()
    waiting = set(rows["transaction_id"].to_pylist())
    feed = application.feed()
    refused: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": application.brokers,
            "partitioner": "murmur2_random",
            "linger.ms": 1,
            "message.timeout.ms": SENDING_TIMEOUT_S * 1000,
        }
    )

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            refused.append(str(error))

    def decided() -> Iterator[dict[str, Any]]:
        for row in feed.read():
            if row["transaction_id"] in waiting:
                waiting.remove(row["transaction_id"])
                yield row

    started = read = time.monotonic()
    for number, (key, message) in enumerate(zip(keys, stream_messages(rows), strict=True)):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        producer.produce(TOPIC, message, key.encode(), on_delivery=delivered)
        producer.poll(0)
        if time.monotonic() > read + READ_EVERY_S:
            yield from decided()
            read = time.monotonic()
    left = producer.flush(SENDING_TIMEOUT_S + 5)
    if left or refused:
        why = refused[0] if refused else f"no answer for {SENDING_TIMEOUT_S} s"
        raise ApplicationError(f"Kafka did not take {left + len(refused)} of {rows.num_rows} transactions: {why}")
    deadline = time.monotonic() + PATIENCE_S
    while waiting:
        for row in decided():
            deadline = time.monotonic() + PATIENCE_S
            yield row
        if time.monotonic() > deadline:
            raise ApplicationError(
                f"{len(waiting)} of {rows.num_rows} transactions are undecided, and none was decided for {PATIENCE_S} s"
            )
        time.sleep(0.1)
