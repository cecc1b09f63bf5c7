"""Transactions of now into the standing application, and what it decides."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from confluent_kafka import Producer

from fraud.world import WorldSettings, generate, stream_messages, tokenised
from local.application import Application, ApplicationError
from local.attacks import BURST_CENTS

TOPIC = "transactions"
PATIENCE_S = 90
"""How long sending waits for the next decision."""
SENDING_TIMEOUT_S = 30
READ_EVERY_S = 0.5


def made_up(count: int, *, attack: bool, key: bytes) -> pa.Table:
    """Tokenised transactions of made-up cards, in the columns of `fraud.world.tables`, with ids of their own.

    Args:
        attack: ends with ten small purchases on one card.
        key: the card-token key.
    """
    seed = secrets.randbelow(2**32)
    rows = tokenised(generate(WorldSettings(cards=500, days=5, transactions=max(count, 1000), seed=seed)), key)
    rows = rows.slice(rows.num_rows - count)
    if attack:
        burst = pa.concat_tables([rows.slice(rows.num_rows - 1)] * len(BURST_CENTS))
        cents = pa.array(BURST_CENTS, rows.schema.field("amount_cents").type)
        place = rows.column_names.index("amount_cents")
        rows = pa.concat_tables([rows, burst.set_column(place, "amount_cents", cents)])
    run = secrets.token_hex(4)
    ids = pa.array([f"sent-{run}-{number:05}" for number in range(rows.num_rows)])
    return rows.set_column(rows.column_names.index("transaction_id"), "transaction_id", ids)


def send(application: Application, rows: pa.Table, rate: float) -> Iterator[dict[str, Any]]:
    """Sends the rows, and gives each decision as it is made.

    Args:
        rate: transactions a second.

    Raises:
        ApplicationError: Kafka did not take some, or none was decided any more for a while.
    """
    now_ms = int(time.time() * 1000)
    times = pa.array([now_ms] * rows.num_rows, pa.timestamp("ms", "UTC"))
    rows = rows.set_column(rows.column_names.index("event_time"), "event_time", times)
    keys = rows["cc_num"].cast(pa.string()).to_pylist()
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
