"""What Managed Service for Apache Flink does to the job and refuses of it, on the engine under the service's guard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flink_src.configuration import configuration
from flink_src.properties import JobProperties
from local.broker import Broker
from local.flink import STREAM_JOB, FlinkJob
from local.managed_flink import PROGRAMMATIC
from local.processes import ProcessError
from local.topics import LIVE_TOPICS, PARTITIONS, suffixed
from tests.parity.conftest import FeatureReader
from tests.parity.live_traffic import LiveTraffic, rows_named

MORE_THAN_LISTED = """
import runpy, sys
sys.path.insert(0, {root!r})
from flink_src import configuration
listed = configuration.configuration
configuration.configuration = lambda given: listed(given) | {{"execution.buffer-timeout.interval": "2 ms"}}
runpy.run_path({job!r}, run_name="__main__")
"""
"""The stream job, with one setting more."""


def test_the_program_sets_only_what_the_service_lists() -> None:
    # page programmatic-configuration: "an exception will be thrown if you try to modify a property not listed on this page"
    assert configuration(JobProperties(bootstrap_servers="b:9098")).keys() <= PROGRAMMATIC


@pytest.mark.engines
def test_a_program_that_sets_what_is_not_listed_does_not_start(broker: Broker, tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(MORE_THAN_LISTED.format(root=str(STREAM_JOB.parent.parent), job=str(STREAM_JOB)))
    broker.create_topics(suffixed(LIVE_TOPICS, "-refused"))
    topics = {name: f"{name}-refused" for name in ("transactions", "features")}
    job = FlinkJob(tmp_path / "flink", broker.address, heartbeat=True, topics=topics, program=program)
    with pytest.raises(ProcessError, match=r"execution\.buffer-timeout\.interval:2 ms not allowed"):
        job.start()


@pytest.mark.engines
def test_more_parallelism_than_partitions_stops_no_features(broker: Broker, tmp_path: Path) -> None:
    # page how-scaling: autoscaling doubles the parallelism, and knows nothing of the topic's partitions
    broker.create_topics(suffixed(LIVE_TOPICS, "-scaled"))
    topics = {name: f"{name}-scaled" for name in ("transactions", "features")}
    reader = FeatureReader(broker.address, topics["features"])
    traffic = LiveTraffic(broker, topics["transactions"])
    with FlinkJob(tmp_path, broker.address, heartbeat=True, topics=topics, parallelism=PARTITIONS + 2):
        traffic.send(rows_named("scaled", 40))
        found = reader.read(lambda found: len(found) >= 40, timeout_s=30)
        assert len({each["transaction_id"] for each in found}) == 40

        waits = []
        for number in range(8):
            sent = time.perf_counter()
            traffic.send(rows_named(f"lone{number}-", 1))
            while not reader.poll():
                assert time.perf_counter() - sent < 10, "heartbeats pause"
            waits.append(time.perf_counter() - sent)
            time.sleep(0.7)
    reader.close()
    assert max(waits) < 1, f"seconds: {waits}"
