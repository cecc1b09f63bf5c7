"""A release that leaves the stream job's SQL as it was changes the job where it stands, under traffic: it goes on from a
snapshot, on the same topic, with all that it knew of the cards."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.application import Application
from local.deployment import deploy, resources
from local.kept_world import last_midnight_ms, made_past
from local.raw_rows import STREAM_COLUMNS
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from tests.local.releases import compared_features
from tests.local.test_rolling_release import jobs
from tests.local.traffic import TopicCopy, Traffic, as_table

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


def stream_job(aws: EmulatedAws) -> dict[str, Any]:
    """The stream application of the standing stacks, as the service describes it."""
    made = resources(aws.client, "CardFraud-Dev-Streaming").values()
    (name,) = [known for kind, known in made if kind == "AWS::KinesisAnalyticsV2::Application"]
    service = aws.client("kinesisanalyticsv2")
    return dict(service.describe_application(ApplicationName=name)["ApplicationDetail"])


def checkpointed_since(moment_s: float, folder: Path) -> None:
    """Waits until a checkpoint of the stream job was begun and completed after a moment."""

    def newest() -> float:
        return max((file.stat().st_mtime for file in folder.rglob("checkpoints/*/chk-*/_metadata")), default=0)

    # the next one may have begun before
    wait_until(lambda: newest() > moment_s, 180, lambda: AssertionError("no checkpoint"), every_s=0.5)
    first = newest()
    wait_until(lambda: newest() > first, 180, lambda: AssertionError("no second checkpoint"), every_s=0.5)


def test_another_parallelism_keeps_the_job_its_topic_and_what_it_knows(tmp_path: Path) -> None:
    first = synthesized_stacks(tmp_path / "first", {"env": "dev", "undecided_after_s": 120})
    second = synthesized_stacks(tmp_path / "second", {"env": "dev", "undecided_after_s": 120, "flink_parallelism": 2})
    following = made_past(last_midnight_ms()).following.slice(0, 2000)
    with EmulatedAws(tmp_path / "aws", STAND_INS) as aws:
        deploy(first, aws.client)
        application = Application(aws.client)
        topic, before, processes = application.features_topic, stream_job(aws), jobs(aws)
        traffic = Traffic(application, following, rate=12)
        sources, features = (TopicCopy(application.brokers, name) for name in ("transactions", topic))

        def goes_on(decisions: int) -> None:
            wanted = traffic.look() + decisions
            wait_until(lambda: traffic.look() >= wanted, 180, lambda: AssertionError(f"{traffic.look()} of {wanted}"))

        with traffic.flowing():
            goes_on(100)
            early = {one["transaction_id"] for one in traffic.decided}
            checkpointed_since(time.time(), tmp_path)
            deploy(second, aws.client)
            goes_on(100)
        sent = set(traffic.sent)
        wait_until(lambda: traffic.look() >= len(sent), 180, lambda: AssertionError("not all is decided"), every_s=1)
        after, application = stream_job(aws), Application(aws.client)
        again = jobs(aws)
        copied, streamed = sources.end(), features.end()

    assert application.features_topic == topic
    assert after["ApplicationName"] == before["ApplicationName"]
    assert after["ApplicationVersionId"] > before["ApplicationVersionId"]
    assert list(again) == list(processes)
    assert not {pid for pids in again.values() for pid in pids} & {pid for pids in processes.values() for pid in pids}
    assert Counter(one["transaction_id"] for one in traffic.decided) == Counter(traffic.sent)

    (tmp_path / "streamed.jsonl").write_text("\n".join(json.dumps(json.loads(value)) for _, value in streamed))
    transactions = as_table(copied, STREAM_COLUMNS, tmp_path / "transactions.parquet")
    compared = compared_features(tmp_path / "streamed.jsonl", transactions)
    assert compared["compared"] >= len(sent)
    assert compared["different"] == 0
    # a job that had begun anew would have read back, and would tell of all of them again
    records = Counter(json.loads(value)["transaction_id"] for _, value in streamed)
    assert {records[one] for one in early} == {1}
