"""The stream job between two Kafka topics: how many transactions a second.

The broker shares the cores with the job.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.stream_run import PASS_THROUGH, passed
from engines.broker import Broker
from local.replayer import Record, Replayer
from local.stream_job import STREAM_JOB
from local.topics import REPLAY_TOPICS

TRANSACTIONS = 1_500_000
WARM_UP = 0.4
"""Share of the transactions that pass before the clock starts: Java compiles what it runs often."""
RUNS = 2
CARDS = 20_000
TARGET_RATE = 30_000


def measure(transactions: int = TRANSACTIONS, runs: int = RUNS) -> list[dict[str, object]]:
    """The figures, each a dict of measure, value, unit, target, met, yardstick, ratio (None where there is none)."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        return _throughput(broker, Path(folder), transactions, runs)


def _throughput(broker: Broker, folder: Path, transactions: int, runs: int) -> list[dict[str, object]]:
    broker.create_topics({"transactions": REPLAY_TOPICS["transactions"]})
    Replayer(broker.address).replay(_records(transactions))

    def rate(suffix: str, program: Path) -> float:
        return passed(broker, folder, suffix, transactions, program, warm_up=WARM_UP).rate

    # side by side: what else the machine does meets both
    pairs = [(rate(f"-run{run}", STREAM_JOB), rate(f"-pass{run}", PASS_THROUGH)) for run in range(runs)]
    rates, yardsticks = zip(*pairs, strict=True)
    name = "stream features, Kafka to Kafka, 2 cores with the broker"
    return [
        _figure(f"{name}, parallelism 2, best of {runs}", max(rates), max(yardsticks)),
        _figure(f"{name}, parallelism 2, median", statistics.median(rates), statistics.median(yardsticks)),
    ]


def _records(count: int) -> Iterator[Record]:
    random_ = random.Random(1)  # noqa: S311 - the same rows each time, not a secret
    moment = 1_600_000_000_000
    for number in range(count):
        moment += random_.randint(0, 400)
        card = f"{random_.randrange(CARDS):032x}"
        yield Record(moment, card.encode(), message(f"{number:032x}", card, random_.randint(100, 50_000)))


def message(transaction_id: str, card: str, cents: int) -> bytes:
    """A transaction as a producer writes it."""
    fields = {
        "transaction_id": transaction_id,
        "cc_num": card,
        "amount": f"{cents // 100}.{cents % 100:02d}",
        "event_time": "2026-01-31T12:00:00.000Z",
        "merchant": "Rippin, Kub and Mann",
        "category": "misc_net",
        "merch_lat": 36.011293,
        "merch_long": -82.048315,
    }
    return json.dumps(fields).encode()


def _figure(name: str, value: float, yardstick: float) -> dict[str, object]:
    return {
        "measure": name,
        "value": round(value, 1),
        "unit": "transactions/s",
        "target": TARGET_RATE,
        "met": value >= TARGET_RATE,
        "yardstick": f"the same job without deduplication and windows ({yardstick:,.0f} transactions/s)",
        "ratio": round(value / yardstick, 3),
    }


if __name__ == "__main__":
    for figure in measure():
        print(json.dumps(figure))
