"""The stream job on this machine: `flink_src/main.py`, the file that is deployed, with properties and jars of this checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engines.flink import JVM, FlinkJob

ROOT = Path(__file__).resolve().parents[1]
STREAM_JOB = ROOT / "flink_src" / "main.py"
CONNECTORS = ROOT / ".jars" / "flink"
FUNCTIONS = ROOT / ".jars" / "stream-functions" / "stream-functions.jar"


class StreamJob(FlinkJob):
    """The stream job over a broker's topics.

    Args:
        folder: see `FlinkJob`.
        brokers: HOST:PORT of the broker.
        heartbeat: whether the job writes heartbeats: True on live topics, False on replays, which bring their own.
        partitions: of the topic of transactions.
        topics: {"transactions": name, "features": name} where they differ from that.
        features: further properties of the group `Features` (see flink_src/properties.py).
        parallelism, checkpoint_interval_ms, configuration, jvm: see `FlinkJob`.
        program: another program than the stream job, which reads the same properties.

    Example::

        with StreamJob(folder / "flink", broker.address, heartbeat=True) as job:
            ...
            job.kill()     # as a crash would
            job.restart()  # from the newest checkpoint
    """

    def __init__(
        self,
        folder: Path,
        brokers: str,
        *,
        heartbeat: bool,
        partitions: int = 4,
        parallelism: int = 2,
        checkpoint_interval_ms: int = 5000,
        topics: Mapping[str, str] | None = None,
        features: Mapping[str, str] | None = None,
        configuration: Mapping[str, str] | None = None,
        program: Path = STREAM_JOB,
        jvm: str = JVM,
    ) -> None:
        names = {"transactions": "transactions", "features": "features"} | dict(topics or {})
        kafka = {
            "bootstrap.servers": brokers,
            "transactions.topic": names["transactions"],
            "features.topic": names["features"],
            "group.id": f"stream-features-{names['features']}",
            "partitions": str(partitions),
        }
        super().__init__(
            folder,
            program,
            {"Kafka": kafka, "Features": {"heartbeat": str(heartbeat).lower(), **(features or {})}},
            jars=(*sorted(CONNECTORS.glob("*.jar")), FUNCTIONS),
            parallelism=parallelism,
            checkpoint_interval_ms=checkpoint_interval_ms,
            configuration=configuration or {},
            jvm=jvm,
        )
