"""A run of the stream job over a topic that is filled already: how fast it goes, and what a transaction costs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
from confluent_kafka import Consumer, TopicPartition

from engines.broker import Broker
from engines.processes import ProcessError
from engines.topics import suffixed
from local.stream_job import STREAM_JOB, StreamJob
from local.topics import PARTITIONS, REPLAY_TOPICS

JVM = "-Xms6g -Xmx6g -Xmn3g -XX:+UseParallelGC"
CHECKPOINT_INTERVAL_MS = 60_000
"""The managed service's own default."""
PASS_THROUGH = Path(__file__).with_name("pass_through.py")
"""The yardstick: the same job without deduplication and windows."""
LOOK_EVERY_S = 0.05
COMPILER = "CompilerThre"
"""In the names of the threads in which Java compiles, as Linux cuts them."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """What a run did.

    Attributes:
        rate: transactions a second, after the warm-up.
        cpu_us: processor time of Flink's process for each of them, in millionths of a second: with garbage collection,
            without Java's compilers, without the broker.
        started_s: seconds from the command until all tasks ran.
        finished_s: seconds from the command until everything was out.
    """

    rate: float
    cpu_us: float
    started_s: float
    finished_s: float


def passed(
    broker: Broker,
    folder: Path,
    suffix: str,
    transactions: int,
    program: Path = STREAM_JOB,
    *,
    warm_up: float,
    configuration: Mapping[str, str] = NOTHING,
    jvm: str = JVM,
) -> Run:
    """Runs a fresh job over the topic `transactions` from its beginning, until all of them are out.

    Args:
        broker: holds the topic, with its last heartbeat.
        folder: for the job's own files.
        suffix: names this run: of its topic of features and of its files.
        transactions: how many the topic holds.
        program: the stream job, or another that reads the same properties.
        warm_up: share of the transactions that pass before the clock of `rate` and `cpu_us` starts: Java compiles what it
            runs often.
        configuration: further settings of Flink.
        jvm: Java's options.

    Raises:
        ProcessError: the job did not start, or ended.
    """
    features = f"features{suffix}"
    broker.create_topics(suffixed({"features": REPLAY_TOPICS["features"]}, suffix))
    ends = Consumer({"bootstrap.servers": broker.address, "group.id": "ends", "log_level": 2})
    job = StreamJob(
        folder / suffix,
        broker.address,
        heartbeat=False,
        topics={"features": features},
        program=program,
        configuration=configuration,
        jvm=jvm,
        checkpoint_interval_ms=CHECKPOINT_INTERVAL_MS,
    )
    begun = time.perf_counter()
    with job:
        started_s = time.perf_counter() - begun
        _wait_for(job, ends, features, int(transactions * warm_up))
        warm, first, before = time.perf_counter(), _length(ends, features), _processor_s(job.pid)
        _wait_for(job, ends, features, transactions)
        done, after = time.perf_counter(), _processor_s(job.pid)
    ends.close()
    count = transactions - first
    return Run(count / (done - warm), 1e6 * (after - before) / count, started_s, done - begun)


def _wait_for(job: StreamJob, ends: Consumer, topic: str, length: int) -> None:
    while _length(ends, topic) < length:
        if not job.running:
            raise ProcessError(f"the stream job ended with {_length(ends, topic)} of {length} transactions out")
        time.sleep(LOOK_EVERY_S)


def _length(ends: Consumer, topic: str) -> int:
    return sum(ends.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in range(PARTITIONS))


def _processor_s(pid: int) -> float:
    """Of a process and what it started, user and system, without Java's compilers: they are done after some minutes."""
    group = psutil.Process(pid)
    return sum(_without_compilers(each) for each in (group, *group.children(recursive=True)))


def _without_compilers(process: psutil.Process) -> float:
    spent = process.cpu_times()
    compilers = [each.user_time + each.system_time for each in process.threads() if _compiles(process.pid, each.id)]
    return float(spent.user + spent.system - sum(compilers))


def _compiles(process: int, thread: int) -> bool:
    try:
        return COMPILER in Path(f"/proc/{process}/task/{thread}/comm").read_text()
    except FileNotFoundError:  # it has ended meanwhile
        return False
