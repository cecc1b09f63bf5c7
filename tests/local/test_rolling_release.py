"""A release that declares more fields and features is deployed over a standing application, trained on, and taken back, while
purchases go on: each is decided once, by the model, on features that are batch's, and can be decided again."""

from __future__ import annotations

import datetime
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emulator.process import EmulatedAws
from emulator.sagemaker.containers import extract
from engines.waiting import wait_until
from local.application import Application
from local.assembly import Stack, read_assembly
from local.deployment import deploy
from local.filling import fill
from local.kept_world import last_midnight_ms
from local.nightly import parquet
from local.raw_rows import STREAM_COLUMNS
from local.run_reports import denials, write_account
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from local.training import new_champion, start_training
from tests.local.releases import CHANNEL, NEW_IN_CODE, NEW_IN_RECORDS, ROOT, next_release, run_in
from tests.local.traffic import CHANNELS, TopicCopy, Traffic, as_table

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1500)]

CONTEXT = {"env": "dev", "undecided_after_s": 120}
"""Decisions on this machine are late when it is busy with deployments; one that has to wait for so long, none may."""
RATE = 12


@dataclass
class Rolling:
    """An application under traffic.

    Attributes:
        copies: of each topic that a stream job writes or reads, {release and topic: all that came}.
        models: {version: its folder}.
    """

    aws: EmulatedAws
    folder: Path
    application: Application
    traffic: Traffic
    copies: dict[str, TopicCopy] = field(default_factory=dict)
    models: dict[str, Path] = field(default_factory=dict)

    def deployed(self, release: str, stacks: list[Stack]) -> None:
        """Brings a release there, and goes on until something was decided on its records."""
        deploy(stacks, self.aws.client)
        self.application = Application(self.aws.client)
        self.copied(release, self.application.features_topic)
        self.goes_on(60)

    def copied(self, release: str, topic: str) -> None:
        self.copies[release] = TopicCopy(self.application.brokers, topic)

    def goes_on(self, decisions: int) -> None:
        """Waits for so many further decisions."""
        wanted = self.traffic.look() + decisions
        wait_until(
            lambda: self.traffic.look() >= wanted,
            180,
            lambda: AssertionError(f"{self.traffic.look()} of {wanted} decisions"),
        )

    def all_decided(self) -> list[dict[str, Any]]:
        """Waits until all that was sent has a decision in the table; those decisions, by when they were made."""
        sent = set(self.traffic.sent)
        found: list[dict[str, Any]] = []

        def all_there() -> bool:
            found[:] = [row for row in self.application.decisions() if row["transaction_id"] in sent]
            return len(found) >= len(sent)

        wait_until(all_there, 180, lambda: AssertionError(f"{len(found)} of {len(sent)} decided"), every_s=2)
        self.traffic.look()  # one that was replaced raises
        return sorted(found, key=lambda row: row["decided_at"])

    def champion(self) -> str:
        """Keeps the champion's folder; its version."""
        found = self.application.champion()
        folder = self.folder / f"model-{len(self.models)}"
        extract(found.archive, folder)
        version = str(json.loads((folder / "manifest.json").read_text())["model_version"])
        self.models[version] = folder
        return version


@contextmanager
def killed_in_catch_up(aws: EmulatedAws) -> Iterator[list[int]]:
    """The first stream job beside another is killed once, a moment after it runs; gives the process groups that were."""
    standing = set(jobs(aws))
    ended, killed, service = threading.Event(), list[int](), aws.client("kinesisanalyticsv2")

    def watch() -> None:
        while not ended.wait(0.2) and not killed:
            for name in jobs(aws).keys() - standing:
                told = service.describe_application(ApplicationName=name.partition("/")[2])["ApplicationDetail"]
                if told["ApplicationStatus"] == "RUNNING":
                    time.sleep(1)
                    for group in jobs(aws)[name]:
                        os.killpg(group, signal.SIGKILL)
                        killed.append(group)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield killed
    ended.set()
    thread.join(10)


def jobs(aws: EmulatedAws) -> dict[str, list[int]]:
    return {name: pids for name, pids in aws.processes().items() if name.startswith("application/") and pids}


def trained_on(application: Application) -> None:
    """A model of the second release's fields: its training rows say how an order came, and frauds come by the web mostly."""
    rows = pq.read_table(pa.BufferReader(application.get("CuratedBucket", "transactions/history.parquet")))
    channels = [CHANNELS[2 if fraud else number % 3] for number, fraud in enumerate(rows["is_fraud"].to_pylist())]
    new_champion(application, start_training(application, rows.append_column(CHANNEL, pa.array(channels))))


def nightly(application: Application, following: pa.Table) -> None:
    """The next night is computed early: the store keeps what has the newest cut, and a night computed again changes nothing."""
    today = datetime.datetime.fromtimestamp(last_midnight_ms() / 1000, datetime.timezone.utc).date()
    rows = following.slice(0, 50)
    moments = pa.array([int(time.time() * 1000)] * rows.num_rows, rows.schema.field("event_time").type)
    rows = rows.set_column(rows.column_names.index("event_time"), "event_time", moments)
    # the archive function gathers for five minutes, and a job needs something of the day
    application.put("ArchiveBucket", f"transactions/day={today}/some.parquet", parquet(rows))
    cut = today + datetime.timedelta(days=1)
    application.wait(application.start("NightlyStateMachine", {"cut": str(cut)}))


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def checked(code: Path, *arguments: str | Path) -> dict[str, Any]:
    return dict(json.loads(run_in(code, "tests.local.releases", *arguments)))


def test_a_release_rolls_over_a_standing_application_and_back(tmp_path: Path) -> None:
    later = next_release(tmp_path / "later")
    first = synthesized_stacks(tmp_path / "first-synth", CONTEXT)
    out = tmp_path / "later-synth"
    run_in(later, "local.synthesis", "--out", out, "--context", json.dumps(CONTEXT))
    second = read_assembly(out)
    (tmp_path / "fill").mkdir()
    with EmulatedAws(tmp_path / "aws", STAND_INS) as aws:
        deploy(first, aws.client)
        application = Application(aws.client)
        following = pq.read_table(fill(application, tmp_path / "fill", print))
        rolling = Rolling(aws, tmp_path, application, Traffic(application, following, rate=RATE))
        rolling.copied("transactions", "transactions")
        rolling.copied("first", application.features_topic)
        of_first = rolling.champion()
        with rolling.traffic.flowing():
            rolling.goes_on(100)
            with killed_in_catch_up(aws) as killed:
                rolling.deployed("second", second)
            assert killed, "the new stream job was killed while it caught up"
            assert len(jobs(aws)) == 1, "the old job has ended"
            nightly(rolling.application, following)
            trained_on(rolling.application)
            of_second = rolling.champion()
            rolling.goes_on(60)
            rolling.deployed("first again", first)
            # CloudFormation's event starts this there
            again = rolling.application.wait(rolling.application.start("TrainingStateMachine", {"redeploy": True}))
            rolling.goes_on(30)
        sent = rolling.traffic.sent
        decided = rolling.all_decided()
        quarantined, dead = rolling.application.keys("ArchiveBucket", "quarantine/"), rolling.application.dead_letters()
        (tmp_path / "account").mkdir()
        _, permissions = write_account(aws, first, tmp_path / "account")
        copied = {name: copy.end() for name, copy in rolling.copies.items()}

    assert Counter(row["transaction_id"] for row in decided) == Counter(sent)
    assert [row["why"] for row in decided if row["path"] != "model"] == []
    assert (quarantined, dead, denials(permissions)) == ([], {}, [])

    made = [json.loads(row["decision"]) for row in decided]
    kinds = Counter(
        (one["model_version"], NEW_IN_CODE in one["features"], one["features"].get(NEW_IN_RECORDS) is not None)
        for one in made
    )
    for kind in (
        (of_first, False, False),
        (of_first, True, False),  # the second release's code on a record of the first's stream job
        (of_first, True, True),
        (of_second, True, True),
    ):
        assert kinds[kind], (kind, kinds)
    assert any(one["features"].get(NEW_IN_CODE) is not None for one in made), "the nightly habit came with the night"
    assert any(one["features"].get(CHANNEL) for one in made)

    assert made[-1]["model_version"] == of_first, "the model came back that the first release computes the features of"
    assert "serves" in json.dumps(again), again

    codes = {"first": ROOT, "second": later, "first again": ROOT}
    transactions = as_table(copied["transactions"], (*STREAM_COLUMNS, "device_id"), tmp_path / "transactions.parquet")
    for release, code in codes.items():
        streamed = [json.loads(value) for _, value in copied[release]]
        compared = checked(code, "features", lines(tmp_path / f"{release}.jsonl", streamed), transactions)
        assert (compared["compared"] > 60, compared["different"]) == (True, 0), (release, compared)
    for (version, later_code, _), _count in kinds.items():
        those = [one for one in made if (one["model_version"], NEW_IN_CODE in one["features"]) == (version, later_code)]
        again = checked(
            later if later_code else ROOT, "decisions", lines(tmp_path / "made.jsonl", those), rolling.models[version]
        )
        assert (again["compared"], again["different"]) == (len(those), [])
