"""What Managed Service for Apache Flink does to the job and refuses of it, on the engine under the service's guard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engines.broker import Broker
from engines.managed_flink import PROGRAMMATIC
from engines.processes import ProcessError
from engines.topics import suffixed
from flink_src.configuration import configuration
from flink_src.properties import JobProperties
from local.stream_job import STREAM_JOB, StreamJob
from local.topics import LIVE_TOPICS, PARTITIONS
from tests.parity.conftest import FeatureReader
from tests.parity.live_traffic import CARDS, LiveTraffic, rows_named, wait_for_checkpoint

STARTED_BY = """
import runpy, sys
sys.path.insert(0, {root!r})
{change}
runpy.run_path({job!r}, run_name="__main__")
"""
"""The stream job, with one thing changed."""

MORE_THAN_LISTED = """
from flink_src import configuration
listed = configuration.configuration
configuration.configuration = lambda given: listed(given) | {"execution.buffer-timeout.interval": "2 ms"}
"""

REFUSED_FLUSH = """
from flink_src import flushing
def refused(ends, interval_ms):
    raise RuntimeError("Not allowed configuration change(s) were detected: time-outs")
flushing.flush_each_operator = refused
"""


def changed_job(folder: Path, broker: Broker, suffix: str, change: str) -> StreamJob:
    """The job, not started, over live topics of its own."""
    program = folder / "main.py"
    program.write_text(STARTED_BY.format(root=str(STREAM_JOB.parent.parent), job=str(STREAM_JOB), change=change))
    broker.create_topics(suffixed(LIVE_TOPICS, suffix))
    topics = {name: name + suffix for name in ("transactions", "features")}
    return StreamJob(folder / "flink", broker.address, heartbeat=True, topics=topics, program=program)


def test_the_program_sets_only_what_the_service_lists() -> None:
    # page programmatic-configuration: "an exception will be thrown if you try to modify a property not listed on this page"
    assert configuration(JobProperties(bootstrap_servers="b:9098")).keys() <= PROGRAMMATIC


@pytest.mark.engines
def test_a_program_that_sets_what_is_not_listed_does_not_start(broker: Broker, tmp_path: Path) -> None:
    job = changed_job(tmp_path, broker, "-refused", MORE_THAN_LISTED)
    with pytest.raises(ProcessError, match=r"execution\.buffer-timeout\.interval:2 ms not allowed"):
        job.start()


@pytest.mark.engines
def test_where_operators_may_not_flush_sooner_the_job_starts_all_the_same_and_says_so(
    broker: Broker, tmp_path: Path
) -> None:
    with changed_job(tmp_path, broker, "-slow", REFUSED_FLUSH) as job:
        said = (tmp_path / "flink" / "flink.log").read_text()
        assert "WARN stream-features operators may not flush sooner than by default" in said
        assert job.running


@pytest.mark.engines
def test_autoscaling_past_the_partitions_stops_no_features_and_forgets_nothing(broker: Broker, tmp_path: Path) -> None:
    # page how-scaling-auto: "A ScaleUp action doubles the CurrentParallelism", whatever the topic's partitions
    broker.create_topics(suffixed(LIVE_TOPICS, "-scaled"))
    topics = {name: f"{name}-scaled" for name in ("transactions", "features")}
    reader = FeatureReader(broker.address, topics["features"])
    traffic = LiveTraffic(broker, topics["transactions"])
    checkpoint = None
    for round_, parallelism in enumerate((1, 2, PARTITIONS + 2)):
        job = StreamJob(
            tmp_path / f"at{parallelism}",
            broker.address,
            heartbeat=True,
            topics=topics,
            parallelism=parallelism,
            checkpoint_interval_ms=1000,
            configuration={"state.backend.type": "rocksdb"},
        )
        job.start(checkpoint)
        try:
            traffic.send(rows_named(f"round{round_}-", CARDS))
            found = reader.read(lambda found: len(found) >= CARDS, timeout_s=30)
            counts = {each["transaction_id"]: each["num_trans_last_1h"] for each in found}
            assert counts == {f"round{round_}-{number}": round_ + 1 for number in range(CARDS)}
            if parallelism > PARTITIONS:
                assert max(lone_waits_s(traffic, reader)) < 1
            wait_for_checkpoint(job)
        finally:
            job.stop()
        # until it is stopped, a newer one may take its place
        checkpoint = job.newest_checkpoint()
    reader.close()


def lone_waits_s(traffic: LiveTraffic, reader: FeatureReader) -> list[float]:
    """How long transactions take that nothing else comes after, over several rounds of the heartbeats' source."""
    waits = []
    for number in range(8):
        sent = time.perf_counter()
        traffic.send(rows_named(f"lone{number}-", 1))
        while not reader.poll():
            assert time.perf_counter() - sent < 10, "heartbeats pause"
        waits.append(time.perf_counter() - sent)
        time.sleep(0.7)
    return waits
