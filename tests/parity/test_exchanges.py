"""Rows stay in their task between windows by the same key: which exchanges go, and that a snapshot fits with and without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.broker import Broker
from engines.topics import suffixed
from flink_src.exchanges import between_windows, stay_in_task
from local.stream_job import STREAM_JOB, StreamJob
from local.topics import LIVE_TOPICS
from tests.parity.conftest import FeatureReader
from tests.parity.live_traffic import CARDS, LiveTraffic, rows_named, wait_for_checkpoint

LEFT_IN = """
import runpy, sys
sys.path.insert(0, {root!r})
from flink_src import exchanges
exchanges.stay_in_task = lambda *given: 0
runpy.run_path({job!r}, run_name="__main__")
"""
"""The stream job with every exchange that the planner makes."""


class Step:
    """What is looked at of one of Flink's transformations."""

    def __init__(self, name: str, before: Step | None = None) -> None:
        self.name, self.before = name, before

    def getName(self) -> str:  # noqa: N802 - Java's
        return self.name

    def getClass(self) -> Step:  # noqa: N802 - Java's
        return self

    def getSimpleName(self) -> str:  # noqa: N802 - Java's
        return self.name.partition(" ")[0]

    def getInputs(self) -> Inputs:  # noqa: N802 - Java's
        return Inputs([self.before] if self.before else [])


class Inputs(list[Step]):
    """A list of Java's."""

    def isEmpty(self) -> bool:  # noqa: N802 - Java's
        return not self


def chain(*names: str) -> Step:
    """The last of steps that read from one another."""
    last: Step | None = None
    for name in names:
        last = Step(name, last)
    assert last is not None
    return last


def exchanged(number: int) -> str:
    return f"PartitionTransformation {number}"


def test_an_exchange_counts_where_a_window_is_on_both_sides() -> None:
    windows = [step for number in (2, 3, 4) for step in (exchanged(number), f"OverAggregate[{number}]", "Calc")]
    end = chain("Source", exchanged(1), "Deduplicate", "Calc", *windows, "Sink")
    assert [each.getName() for each in between_windows(end)] == [exchanged(4), exchanged(3)]
    assert not list(
        between_windows(chain("Source", exchanged(1), "Deduplicate", exchanged(2), "OverAggregate", "Sink"))
    )


def test_a_graph_with_other_windows_is_left_as_it_is() -> None:
    said: list[str] = []
    end = chain("Source", exchanged(1), "OverAggregate", exchanged(2), "OverAggregate", "Sink")
    assert stay_in_task([end], [("cc_num",)] * 3, jvm=None, warn=said.append) == 0
    assert said == ["1 exchanges between windows, not 2: all are left in, and the job is slower"]


def test_windows_by_different_keys_keep_their_exchange() -> None:
    said: list[str] = []
    end = chain("Source", exchanged(1), "OverAggregate", exchanged(2), "OverAggregate", "Sink")
    assert stay_in_task([end], [("cc_num",), ("merchant",)], jvm=None, warn=said.append) == 0
    assert said == []


def test_what_java_refuses_leaves_them_in() -> None:
    said: list[str] = []
    end = chain("Source", exchanged(1), "OverAggregate", exchanged(2), "OverAggregate", "Sink")
    assert stay_in_task([end], [("cc_num",)] * 2, jvm=None, warn=said.append) == 0
    assert len(said) == 1
    assert said[0].startswith("exchanges between windows are left in, and the job is slower: ")


@pytest.mark.engines
def test_a_snapshot_fits_with_exchanges_and_without(broker: Broker, tmp_path: Path) -> None:
    broker.create_topics(suffixed(LIVE_TOPICS, "-exchanges"))
    topics = {name: f"{name}-exchanges" for name in ("transactions", "features")}
    reader = FeatureReader(broker.address, topics["features"])
    traffic = LiveTraffic(broker, topics["transactions"])
    left_in = tmp_path / "left_in.py"
    left_in.write_text(LEFT_IN.format(root=str(STREAM_JOB.parent.parent), job=str(STREAM_JOB)))
    checkpoint = None
    for round_, (program, tasks) in enumerate(((left_in, 3), (STREAM_JOB, 1), (left_in, 3))):
        job = StreamJob(
            tmp_path / f"round{round_}",
            broker.address,
            heartbeat=True,
            topics=topics,
            checkpoint_interval_ms=1000,
            configuration={"state.backend.type": "rocksdb"},
            program=program,
        )
        job.start(checkpoint)
        try:
            assert len(tasks_with_windows(job)) == tasks
            traffic.send(rows_named(f"round{round_}-", CARDS))
            found = reader.read(lambda found: len(found) >= CARDS, timeout_s=30)
            counts = {each["transaction_id"]: each["num_trans_last_1h"] for each in found}
            assert counts == {f"round{round_}-{number}": round_ + 1 for number in range(CARDS)}
            wait_for_checkpoint(job)
        finally:
            job.stop()
        # until it is stopped, a newer one may take its place
        checkpoint = job.newest_checkpoint()
    reader.close()


def tasks_with_windows(job: StreamJob) -> list[str]:
    """The names of the running job's tasks that hold windows."""
    (running,) = job.rest("/jobs")["jobs"]
    vertices = job.rest(f"/jobs/{running['id']}")["vertices"]
    return [vertex["name"] for vertex in vertices if "OverAggregate" in vertex["name"]]
