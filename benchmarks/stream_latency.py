"""How long a transaction takes through the stream job, from Kafka to Kafka, as Managed Service for Apache Flink runs it.

State in RocksDB, the application's own checkpoints, one KPU's parallelism, and only what the service lets a program set. The
broker and the clients share the cores with the job. The yardstick beside it is the same job with Flink's default flush of 100 ms.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from benchmarks.stream_features import message
from engines.broker import Broker
from engines.topics import suffixed
from local.stream_job import STREAM_JOB, StreamJob
from local.topics import LIVE_TOPICS, PARTITIONS

TARGET_P99_MS = 100
SHARES = (50, 99)
LOADS = ((2, 30), (200, 20), (2000, 15))
"""(transactions a second, seconds)."""
DEFAULT_FLUSH = Path(__file__).with_name("default_flush.py")
CHECKPOINTS_MS = 10_000
SERVICE = {
    "state.backend.type": "rocksdb",
    "execution.checkpointing.incremental": "true",
    "execution.checkpointing.min-pause": "5 s",
    "taskmanager.memory.managed.size": "1 gb",
}
JVM = "-Xms1500m -Xmx1500m"


def measure() -> list[dict[str, object]]:
    """The figures, each a dict of measure, value, unit, target, met, yardstick, ratio."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        before = _percentiles(broker, Path(folder), DEFAULT_FLUSH)
        after = _percentiles(broker, Path(folder), STREAM_JOB)
    return [
        {
            "measure": f"Kafka to Flink to Kafka as the service runs it, {rate}/s, p{share}",
            "value": round(value, 1),
            "unit": "ms",
            "target": TARGET_P99_MS if share == 99 else None,
            "met": value <= TARGET_P99_MS if share == 99 else None,
            "yardstick": f"the default flush ({before[rate, share]:.1f} ms)",
            "ratio": round(value / before[rate, share], 3),
        }
        for (rate, share), value in after.items()
    ]


def _percentiles(broker: Broker, folder: Path, program: Path) -> dict[tuple[int, int], float]:
    suffix = f"-{program.stem}"
    broker.create_topics(suffixed(LIVE_TOPICS, suffix))
    topics = {name: f"{name}{suffix}" for name in ("transactions", "features")}
    found = {}
    job = StreamJob(
        folder / program.stem,
        broker.address,
        heartbeat=True,
        topics=topics,
        parallelism=1,
        checkpoint_interval_ms=CHECKPOINTS_MS,
        configuration=SERVICE,
        program=program,
        jvm=JVM,
    )
    with job:
        _latency(broker, topics, "warm", rate=1000, seconds=20)
        for rate, seconds in LOADS:
            waits_ms = sorted(_latency(broker, topics, f"at{rate}-", rate, seconds))
            for share in SHARES:
                found[rate, share] = waits_ms[min(len(waits_ms) - 1, len(waits_ms) * share // 100)]
    return found


def _latency(broker: Broker, topics: dict[str, str], prefix: str, rate: int, seconds: int) -> list[float]:
    """Milliseconds from handing a transaction to Kafka to holding its features."""
    reader = Consumer(
        {"bootstrap.servers": broker.address, "group.id": prefix, "fetch.wait.max.ms": 10, "log_level": 2}
    )
    reader.assign([TopicPartition(topics["features"], number, OFFSET_END) for number in range(PARTITIONS)])
    reader.poll(1)
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random", "linger.ms": 0})
    sent: dict[str, float] = {}
    waits_ms: list[float] = []
    started, count = time.perf_counter(), rate * seconds
    while len(waits_ms) < count:
        while len(sent) < count and time.perf_counter() >= started + len(sent) / rate:
            name = f"{prefix}{len(sent)}"
            sent[name] = time.perf_counter()
            card = f"{len(sent) % 997:032x}"
            producer.produce(topics["transactions"], message(name, card, 1000), card)
            producer.poll(0)
        for record in reader.consume(100, 0.001):
            held = time.perf_counter()
            if not record.error():
                waits_ms.append(1000 * (held - sent[json.loads(record.value() or b"")["transaction_id"]]))
    reader.close()
    producer.flush()
    return waits_ms


if __name__ == "__main__":
    for figure in measure():
        print(json.dumps(figure))
