"""Transactions on a live topic."""

from __future__ import annotations

import time

from confluent_kafka import Producer

from engines.broker import Broker
from engines.waiting import wait_until
from local.stream_job import StreamJob
from tests.parity.adversarial import message

CARDS = 20


class LiveTraffic:
    """Sends rows to a live topic, one by one, at a rate."""

    def __init__(self, broker: Broker, topic: str) -> None:
        settings = {
            "bootstrap.servers": broker.address,
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            "log_level": 2,
        }
        self._producer, self._topic = Producer(settings), topic

    def send(self, rows: list[dict], rate: float = 1000) -> None:
        for row in rows:
            self._producer.produce(self._topic, message(row), row["cc_num"])
            self._producer.poll(0)
            time.sleep(1 / rate)
        assert self._producer.flush(10) == 0


def rows_named(prefix: str, count: int) -> list[dict]:
    """Rows over a few cards, their ids beginning with the prefix."""
    return [
        {"transaction_id": f"{prefix}{number}", "cc_num": f"{number % CARDS:032x}", "amount_cents": 100 + number}
        for number in range(count)
    ]


def wait_for_checkpoint(job: StreamJob) -> None:
    """Waits for a checkpoint that began after now: the first to complete may have begun before, the next begins after that."""

    def newest() -> float:
        found = job.newest_checkpoint()
        return found.stat().st_mtime if found else 0.0

    for _ in range(2):
        before = newest()
        wait_until(lambda before=before: newest() > before, 60, lambda: AssertionError("no checkpoint within a minute"))
