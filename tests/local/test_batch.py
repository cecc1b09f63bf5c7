"""Files in, a model and scores out: `fraud upload` to the application's own stacks, and no other command."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.decision import Decision
from fraud.world import WorldSettings, generate
from fraud.world.tables import to_kaggle
from lambda_src.archive.rows import DECISIONS, decision_row
from local.background import ROOT
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from tests.local.test_synthesis_machine import bus_alone

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = ("Data", "Serving", "Streaming", "Training", "Batch")
SPLIT = "2026-02-05"
DAY_MS = 1_771_545_600_000
"""2026-02-20 in UTC."""
_NUMBER = re.compile(rb"(?<![0-9A-Za-z])[0-9]{12,19}(?![0-9A-Za-z])")


def _plain(body: bytes) -> bytes:
    """An object's content as text, whatever it is packed in."""
    if body.startswith(b"PAR1"):
        return json.dumps(pq.read_table(io.BytesIO(body)).to_pylist(), default=str).encode()
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


class Standing:
    """The application, without what streams."""

    def __init__(self, aws: EmulatedAws, stacks: list[str], folder: Path) -> None:
        self.aws, self.s3, self.folder = aws, aws.client("s3"), folder
        self.outputs = {name: value for stack in stacks for name, value in outputs(aws.client, stack).items()}

    def upload(self, folder: Path, state: Path) -> dict[str, Any]:
        command = [sys.executable, "-m", "cli.main", "upload", "--local-dir", str(folder), "--env", "dev", "--json"]
        variables = {
            **os.environ, **self.aws.credentials, "AWS_ENDPOINT_URL": self.aws.endpoint, "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state),
        }  # fmt: skip
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def read(self, bucket: str, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def ended(self, machine: str, count: int, timeout_s: float = 420) -> list[dict[str, Any]]:
        """The executions of a machine, once there are so many and all have ended."""
        states = self.aws.client("stepfunctions")

        def done() -> list[dict[str, Any]] | None:
            found = states.list_executions(stateMachineArn=self.outputs[machine])["executions"]
            if len(found) < count or any(one["status"] == "RUNNING" for one in found):
                return None
            return [states.describe_execution(executionArn=one["executionArn"]) for one in found]

        return wait_until(done, timeout_s, lambda: AssertionError(self.where()), every_s=1)

    def denied(self) -> list[tuple[str, Any]]:
        """(role, what it was denied)."""
        rows = self.aws.permissions()
        return [(row["role"], row["denied"]) for row in rows if row["role"].startswith("CardFraud") and row["denied"]]

    def scored(self) -> list[str]:
        """The summaries of what was scored."""
        return [key for key in self.keys(self.outputs["BatchBucket"], "scored/") if key.endswith("/summary.json")]

    def holds_none_of(self, cards: set[Any]) -> None:
        """No bucket, table, queue or log holds a card's number."""
        numbers = {str(card).encode() for card in cards}
        for place, text in self._kept():
            found = numbers & set(_NUMBER.findall(text))
            assert not found, f"{place}: {len(found)} card numbers"

    def _kept(self) -> Iterator[tuple[str, bytes]]:
        for each in self.s3.list_buckets()["Buckets"]:
            for key in self.keys(each["Name"]):
                # `input/` may be read by nobody here
                body = b"" if key.startswith("input/") else self.read(each["Name"], key)
                yield f"{each['Name']}/{key}", _plain(body)
        tables = self.aws.client("dynamodb")
        for name in tables.list_tables()["TableNames"]:
            yield name, json.dumps(tables.scan(TableName=name)["Items"]).encode()
        queues = self.aws.client("sqs")
        for url in queues.list_queues().get("QueueUrls", []):
            waiting = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            yield url, json.dumps(waiting).encode()
        logs = self.aws.client("logs")
        for group in (each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]):
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            yield group, json.dumps([each["message"] for page in events for each in page["events"]]).encode()
        for log in self.folder.rglob("*.log"):
            yield str(log), log.read_bytes()

    def where(self) -> str:
        """How far it got."""
        glue, states = self.aws.client("glue"), self.aws.client("stepfunctions")
        crawler = glue.get_crawler(Name=self.outputs["CrawlerName"])["Crawler"]
        runs = glue.get_job_runs(JobName=self.outputs["TransformJob"])["JobRuns"]
        machines = {
            name: [
                (one["status"], states.describe_execution(executionArn=one["executionArn"]).get("cause"))
                for one in states.list_executions(stateMachineArn=self.outputs[name])["executions"]
            ]
            for name in self.outputs
            if name.endswith("StateMachine")
        }
        told = {
            "raw": self.keys(self.outputs["RawBucket"]), "batch": self.keys(self.outputs["BatchBucket"]),
            "crawler": (crawler["State"], crawler.get("LastCrawl")), "machines": machines,
            "runs": [(one["JobRunState"], one.get("ErrorMessage")) for one in runs],
            "denied": self.denied(),
        }  # fmt: skip
        return json.dumps(told, indent=1, default=str)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("batch")
    settings = {"batch_train_until": SPLIT, "batch_predict_from": SPLIT}
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, settings)}
    stacks["Streaming"] = bus_alone(stacks["Streaming"])
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Standing(aws, [stacks[part].name for part in PARTS], folder / "aws")


def test_two_files_become_a_model_that_serves_and_a_scored_batch(standing: Standing, tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows, early = two_files(data, seed=1)
    sent = standing.upload(data, tmp_path / "state")
    assert [one["outcome"] for one in sent["files"]] == ["sent", "sent"]

    (training,) = standing.ended("TrainingStateMachine", 1)
    assert training["status"] == "SUCCEEDED", training
    (scoring,) = standing.ended("ScoringStateMachine", 1)
    assert scoring["status"] == "SUCCEEDED", scoring

    batch, raw = standing.outputs["BatchBucket"], standing.outputs["RawBucket"]
    (report,) = [json.loads(standing.read(batch, key)) for key in standing.keys(batch, "reports/")]
    assert report["read"] == len(rows)
    assert report["written"] == {"train": int(early.sum()), "predict": int((~early).sum())}, report
    assert not standing.keys(raw, "input/")
    name = json.loads(scoring["output"])["set"]
    summary = json.loads(standing.read(batch, f"scored/{name}/summary.json"))
    assert summary["rows"] == int((~early).sum())
    assert sum(summary["outcomes"].values()) == summary["rows"]
    endpoint = standing.aws.client("sagemaker").describe_endpoint(EndpointName=standing.outputs["EndpointName"])
    assert endpoint["EndpointConfigName"].startswith("card-fraud-dev-")

    standing.holds_none_of(set(rows["cc_num"]))
    assert standing.denied() == []


def test_raw_files_that_came_by_other_means_leave_no_card_number(standing: Standing, tmp_path: Path) -> None:
    rows, early = two_files(tmp_path / "data", seed=2)
    raw, batch = standing.outputs["RawBucket"], standing.outputs["BatchBucket"]
    scored = len(standing.scored())
    files = []
    for file in sorted((tmp_path / "data").iterdir()):
        standing.s3.put_object(Bucket=raw, Key=f"input/{file.name}", Body=file.read_bytes())
        files.append({"key": f"input/{file.name}"})
    standing.s3.put_object(Bucket=raw, Key="uploads/by-hand.json", Body=json.dumps({"files": files}).encode())

    wait_until(lambda: len(standing.scored()) > scored, 420, lambda: AssertionError(standing.where()), every_s=1)
    reports = [json.loads(standing.read(batch, key)) for key in standing.keys(batch, "reports/")]
    written = {"train": int(early.sum()), "predict": int((~early).sum())}
    assert written in [report["written"] for report in reports], reports
    assert not standing.keys(raw, "input/")
    standing.holds_none_of(set(rows["cc_num"]))
    assert standing.denied() == []


def test_a_day_unlike_what_the_champion_was_trained_on_is_told_of(standing: Standing) -> None:
    """Its decisions were made without most features: the nightly job has not run, say."""
    (model,) = [one for one in standing.keys(standing.outputs["ModelsBucket"]) if one.endswith("output/model.tar.gz")][
        :1
    ]
    with tarfile.open(fileobj=io.BytesIO(standing.read(standing.outputs["ModelsBucket"], model))) as archive:
        assert "drift-baseline.json" in archive.getnames()
    rows = [
        decision_row(
            Decision(
                transaction_id=f"t{number}", cc_num=f"{number:032x}", amount_cents=100 + number, decided_at=DAY_MS + 9,
                trans_time=DAY_MS + number, outcome="approve", path="model", score=0.5, model_version="another",
                features={"amount": 1 + number / 100, "category": "grocery_pos"},
            )
        )
        for number in range(300)
    ]  # fmt: skip
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, DECISIONS), body)
    key = "decisions/day=2026-02-20/part.parquet"
    standing.s3.put_object(Bucket=standing.outputs["ArchiveBucket"], Key=key, Body=body.getvalue())

    states, machine = standing.aws.client("stepfunctions"), standing.outputs["DriftStateMachine"]
    run = states.start_execution(stateMachineArn=machine, input='{"day": "2026-02-20"}')["executionArn"]
    (ended,) = standing.ended("DriftStateMachine", 1)
    assert ended["status"] == "SUCCEEDED", ended
    report = json.loads(standing.read(standing.outputs["CuratedBucket"], "drift/day=2026-02-20/drift.json"))
    assert report["decisions"] == {"total": 300, "by_the_model": 0, "by_other_models": 300, "by_the_rule": 0}
    drifted = {each["name"]: each["drifted"] for each in report["drifted"]}
    assert "missing" in drifted["avg_amt_last_1d"] and "distribution" in drifted["category"]
    pages = states.get_paginator("get_execution_history").paginate(executionArn=run)
    passed = [
        event["stateExitedEventDetails"]["name"]
        for page in pages
        for event in page["events"]
        if "stateExitedEventDetails" in event
    ]
    assert passed[-4:] == ["Count", "Has any drifted?", "Tell", "Compared"], passed
    assert standing.denied() == []


def two_files(data: Path, seed: int, cards: int = 300, fraud_rate: float = 0.01) -> tuple[pd.DataFrame, Any]:
    """Kaggle's two files of a small world, in a folder of their own; all their rows, and which are to train on."""
    world = generate(WorldSettings(cards=cards, days=45, fraud_rate=fraud_rate, seed=seed))
    rows = to_kaggle(world).to_pandas()
    early = pd.to_datetime(rows["trans_date_trans_time"]) < pd.Timestamp(SPLIT)
    data.mkdir()
    for name, which in (("fraudTrain.csv", early), ("fraudTest.csv", ~early)):
        rows[which].reset_index(drop=True).to_csv(data / name)
    return rows, early
