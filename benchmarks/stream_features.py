"""The stream job between two Kafka topics: how many transactions a second.

The broker shares the cores with the job.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from engines.broker import Broker
from engines.topics import suffixed
from local.replayer import Record, Replayer
from local.stream_job import STREAM_JOB, StreamJob
from local.topics import PARTITIONS, REPLAY_TOPICS

TRANSACTIONS = 1_500_000
WARM_UP = 0.4
"""Share of the transactions that pass before the clock starts: Java compiles what it runs often."""
RUNS = 2
CARDS = 20_000
JVM = "-Xms6g -Xmx6g -Xmn3g -XX:+UseParallelGC"
CHECKPOINT_INTERVAL_MS = 60_000
"""The managed service's own default."""
TARGET_RATE = 30_000
PASS_THROUGH = Path(__file__).with_name("pass_through.py")


def measure(transactions: int = TRANSACTIONS, runs: int = RUNS) -> list[dict[str, object]]:
    """The figures, each a dict of measure, value, unit, target, met, yardstick, ratio (None where there is none)."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        return _throughput(broker, Path(folder), transactions, runs)


def _throughput(broker: Broker, folder: Path, transactions: int, runs: int) -> list[dict[str, object]]:
    broker.create_topics({"transactions": REPLAY_TOPICS["transactions"]})
    Replayer(broker.address).replay(_records(transactions))
    rates = [_rate(broker, folder, f"-run{run}", transactions, STREAM_JOB) for run in range(runs)]
    yardstick = max(_rate(broker, folder, f"-pass{run}", transactions, PASS_THROUGH) for run in range(2))
    name = "stream features, Kafka to Kafka, 2 cores with the broker"
    return [
        _figure(f"{name}, parallelism 2, best of {runs}", max(rates), yardstick),
        _figure(f"{name}, parallelism 2, median", statistics.median(rates), yardstick),
    ]


def _rate(broker: Broker, folder: Path, suffix: str, transactions: int, program: Path) -> float:
    broker.create_topics(suffixed({"features": REPLAY_TOPICS["features"]}, suffix))
    topics = {"features": f"features{suffix}"}
    settings = {"bootstrap.servers": broker.address, "group.id": "ends", "log_level": 2}
    ends = Consumer(settings)
    job = StreamJob(
        folder / suffix,
        broker.address,
        heartbeat=False,
        topics=topics,
        program=program,
        jvm=JVM,
        checkpoint_interval_ms=CHECKPOINT_INTERVAL_MS,
    )
    with job:
        _wait_for(ends, topics["features"], int(transactions * WARM_UP))
        started, first = time.perf_counter(), _length(ends, topics["features"])
        _wait_for(ends, topics["features"], transactions)
        rate = (transactions - first) / (time.perf_counter() - started)
    ends.close()
    return rate


def _wait_for(ends: Consumer, topic: str, length: int) -> None:
    while _length(ends, topic) < length:
        time.sleep(0.05)


def _length(ends: Consumer, topic: str) -> int:
    return sum(ends.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in range(PARTITIONS))


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
