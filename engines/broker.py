"""A real Kafka broker on this machine: one node in KRaft mode, from the jars that `make setup` fetched."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from engines.installed import KAFKA_JARS
from engines.processes import Process, ProcessError, answers, free_port
from engines.topics import Topic

JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
FORMAT_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
CLUSTER_ID = "bG9jYWwtY2FyZC1mcmF1ZA"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
log.cleaner.enable=false
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=500
"""
# A killed broker may not register again before its old session has ended; a much shorter one ends by itself on a busy machine.

_CLIENT_LOG = logging.getLogger("engines.broker.client")
_CLIENT_LOG.addHandler(logging.NullHandler())
_CLIENT_LOG.propagate = False


class Broker:
    """A broker in `folder`, as a context manager. Stopped or killed, it can be started again with its data, at its old address.

    Args:
        folder: its data, settings and log. Give a temporary one; nothing else is written.
        settings: of the broker, beside those that one node on this machine needs.

    Raises:
        ProcessError: Java or the jars are missing, or the broker did not come up.

    Example::

        with Broker(folder) as broker:
            broker.create_topics({"payments": Topic(partitions=4)})
            producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._folder, self._settings = folder, settings
        self._port = 0
        self._process: Process | None = None

    @property
    def address(self) -> str:
        """HOST:PORT, for `bootstrap.servers`."""
        return f"127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The id of its process group; 0 before the first start."""
        return self._process.pid if self._process else 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until clients are answered, about 3 s."""
        if self._process is None:
            self._process = self._prepare()
        self._process.start()
        try:
            self._process.wait_until(self._answers, "answered clients", timeout_s=90)
        except BaseException:
            self._process.kill()
            raise

    def stop(self) -> None:
        """Ends it; a single local node has nothing to hand over, so it gets little time to do so."""
        if self._process:
            self._process.stop(grace_s=5)

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process:
            self._process.kill()

    def create_topics(self, topics: Mapping[str, Topic], timeout_s: float = 30) -> None:
        """Creates the topics and waits until they are there.

        Raises:
            KafkaException: one of them exists, or a setting is wrong.
        """
        wanted = [
            NewTopic(name, num_partitions=topic.partitions, replication_factor=1, config=dict(topic.config))
            for name, topic in topics.items()
        ]
        admin = self._admin()
        for created in admin.create_topics(wanted, operation_timeout=timeout_s).values():
            created.result(timeout_s)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address}, logger=_CLIENT_LOG)

    def _answers(self) -> bool:
        if not answers(self._port):
            return False
        try:
            return bool(self._admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _prepare(self) -> Process:
        if not shutil.which("java"):
            raise ProcessError("no Java found: `make setup` says how to install it")
        if not list(KAFKA_JARS.glob("kafka_*.jar")):
            raise ProcessError(f"no Kafka jars in {KAFKA_JARS}: `make setup` fetches them")
        self._port, controller_port = free_port(), free_port()
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "server.properties"
        own = "".join(f"{name}={value}\n" for name, value in self._settings.items())
        node = SETTINGS.format(port=self._port, controller_port=controller_port, folder=self._folder)
        settings.write_text(node + own)
        format_storage = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(settings)]
        command = ["java", *FORMAT_JVM, "-cp", f"{KAFKA_JARS}/*", *format_storage]
        formatted = subprocess.run(command, capture_output=True, text=True, check=False)
        if formatted.returncode:
            raise ProcessError(f"Kafka could not format {self._folder}:\n{formatted.stdout}{formatted.stderr}")
        argv = ["java", *JVM, "-cp", f"{KAFKA_JARS}/*", "kafka.Kafka", str(settings)]
        return Process("Kafka", argv, log_path=self._folder / "kafka.log")
