"""Labels through the templates, on the emulated AWS: a file of them into table and archive, and a training set with them."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from emulator.process import ROOT, EmulatedAws
from engines.waiting import wait_until
from fraud.decision import Decision
from fraud.world import WorldSettings, generate, tokenised
from fraud.world.tables import stream_columns
from lambda_src.ports.decision_table import DecisionTable
from local.assembly import Stack
from local.deployment import deploy, outputs
from local.nightly import parquet
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(900)]

PARTS = ("Data", "Serving", "Streaming", "Labels", "Training")
KEPT = ("AWS::Events::EventBus", "AWS::DynamoDB::Table")
DELAY_DAYS = 7


def without_kafka(stack: Stack) -> Stack:
    """The stack Streaming with nothing but its bus and its table."""
    template = json.loads(stack.body)
    template["Resources"] = {name: one for name, one in template["Resources"].items() if one["Type"] in KEPT}
    refers = tuple(
        value
        for name in template["Resources"]
        for value in ({"Ref": name}, *({"Fn::GetAtt": [name, attribute]} for attribute in ("Arn", "Name")))
    )
    template["Outputs"] = {name: one for name, one in template["Outputs"].items() if one["Value"] in refers}
    return replace(stack, body=json.dumps(template), assets=())


class Standing:
    """The application, as far as labels and training need it, with an archive of decided transactions."""

    def __init__(self, aws: EmulatedAws, stacks: dict[str, Stack]) -> None:
        self.aws, self.s3 = aws, aws.client("s3")
        self.found = {name: value for part in PARTS for name, value in outputs(aws.client, stacks[part].name).items()}
        rows = tokenised(generate(WorldSettings(cards=60, days=50, transactions=3_000, fraud_rate=0.05)), b"k" * 16)
        self.ids: list[str] = rows["transaction_id"].to_pylist()
        self.frauds = set(rows.filter(pc.field("is_fraud") == 1)["transaction_id"].to_pylist())  # type: ignore[attr-defined]
        self.put("transactions/day=2026-01-01/a.parquet", rows.select(stream_columns(rows)))
        at = rows["event_time"].to_pylist()
        decided = [
            {"transaction_id": each, "outcome": "block" if place % 50 == 0 else "approve", "decided_at": at[place]}
            for place, each in enumerate(self.ids)
        ]
        self.blocked = {row["transaction_id"] for row in decided if row["outcome"] == "block"}
        self.put("decisions/day=2026-01-01/a.parquet", pa.Table.from_pylist(decided))
        table = DecisionTable(aws.client("dynamodb"), self.found["DecisionsTable"])
        for start in range(0, len(self.ids), 100):
            table.record([_decision(each) for each in self.ids[start : start + 100]])

    def put(self, key: str, table: pa.Table) -> None:
        self.s3.put_object(Bucket=self.found["ArchiveBucket"], Key=key, Body=parquet(table))

    def label(self, *options: str) -> tuple[int, dict[str, Any]]:
        """Runs `fraud label`: exit status, and what it says as JSON."""
        command = [sys.executable, "-m", "cli.main", "label", "--env", "dev", "--json", *options]
        variables = {
            **os.environ, **self.aws.credentials, "AWS_ENDPOINT_URL": self.aws.endpoint, "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, dict(json.loads(done.stdout))

    def labels(self, count: int) -> list[dict[str, Any]]:
        """The items of the table, once there are so many."""
        pages = self.aws.client("dynamodb").get_paginator("scan")

        def items() -> list[dict[str, Any]]:
            table = self.found["LabelsTable"]
            return [item for page in pages.paginate(TableName=table) for item in page["Items"]]

        return wait_until(
            lambda: found if len(found := items()) >= count else None,
            60,
            lambda: AssertionError(f"{len(items())} labels"),
        )

    def archived(self, prefix: str) -> list[bytes]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.found["ArchiveBucket"], Prefix=prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return [self.s3.get_object(Bucket=self.found["ArchiveBucket"], Key=key)["Body"].read() for key in keys]


def _decision(identity: str) -> Decision:
    return Decision(
        transaction_id=identity, cc_num="0" * 32, amount_cents=100, trans_time=1, decided_at=2, outcome="approve",
        path="fallback", features={}, why="a test's",
    )  # fmt: skip


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("labels")
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, {})}
    stacks["Streaming"] = without_kafka(stacks["Streaming"])
    with EmulatedAws(folder / "aws", replace(STAND_INS, item_counts_every_s=2)) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Standing(aws, stacks)


def test_a_file_of_labels_becomes_a_training_set(standing: Standing, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["transaction_id", "is_fraud", "source", "reported_by"])
        writer.writerows([each, "fraud", "chargeback", "issuer 7"] for each in sorted(standing.frauds))
        writer.writerow(["of-another-house", "1", "", ""])
        writer.writerow(["no id", "1", "", ""])
    status, said = standing.label("--file", str(file), "--by", "ann", "--known-at", "2026-03-01")
    assert (status, said["labels"], said["unknown_transactions"]) == (1, len(standing.frauds) + 1, ["of-another-house"])
    assert [each["row"] for each in said["refused"]] == [len(standing.frauds) + 2]

    items = standing.labels(len(standing.frauds) + 1)
    assert {item["transaction_id"]["S"] for item in items} == standing.frauds | {"of-another-house"}
    assert {item["transaction_id"]["S"] for item in items if not item["known_transaction"]["BOOL"]} == {
        "of-another-house"
    }
    rows = [row for body in standing.archived("labels/") for row in pq.read_table(io.BytesIO(body)).to_pylist()]
    assert len({row["transaction_id"] for row in rows}) == len(standing.frauds) + 1

    standing.label("--file", str(file), "--by", "ann", "--known-at", "2026-03-01")  # again: nothing changes
    assert standing.label(min(standing.frauds), "--legitimate", "--by", "bo")[0] == 0  # and a correction
    items = standing.labels(len(standing.frauds) + 2)
    assert len(items) == len(standing.frauds) + 2

    found, manifest = trained_on(standing)
    frauds = {row["transaction_id"] for row in found if row["is_fraud"]}
    old = {row["transaction_id"] for row in found}
    assert frauds == (standing.frauds - {min(standing.frauds)}) & old
    assert frauds
    assert old == set(standing.ids) - (standing.blocked - standing.frauds)
    assert manifest["by_outcome"]["block"]["unlabelled_left_out"] == len(standing.blocked - standing.frauds)
    assert manifest["labels"]["not_in_the_set"] == 1
    assert [
        row["denied"] for row in standing.aws.permissions() if row["role"].startswith("CardFraud") and row["denied"]
    ] == []


def test_an_event_that_is_no_label_is_quarantined(standing: Standing) -> None:
    detail = {"transaction_id": "t1", "is_fraud": True, "note": "4000 0566 5566 5556"}
    entry = {"Source": "card-fraud", "DetailType": "transaction labelled", "Detail": json.dumps(detail)}
    standing.aws.client("events").put_events(Entries=[entry | {"EventBusName": standing.found["EventBus"]}])
    [line] = wait_until(
        lambda: standing.archived("quarantine/labels/"), 60, lambda: AssertionError("nothing is in the quarantine")
    )
    assert json.loads(line)["reason"].startswith("message: a field 'note', which no label has")
    assert b"0566" not in line


def test_labels_are_counted_and_the_training_machine_is_told(standing: Standing) -> None:
    states, training = standing.aws.client("stepfunctions"), standing.found["TrainingStateMachine"]
    time.sleep(2)  # by then the table knows how many there are
    before = states.list_executions(stateMachineArn=training)["executions"]
    states.start_execution(stateMachineArn=standing.found["CountStateMachine"])

    def told() -> dict[str, Any] | None:
        runs = states.list_executions(stateMachineArn=training)["executions"]
        new = [one["executionArn"] for one in runs if one not in before]
        found = states.describe_execution(executionArn=new[0]) if new else {"status": "RUNNING"}
        return None if found["status"] == "RUNNING" else dict(found)

    run = wait_until(told, 60, lambda: AssertionError("no run of the training machine follows"))
    event = json.loads(run["input"])
    assert (event["detail-type"], event["detail"]) == ("labels counted", {"labels": len(standing.labels(0))})
    assert run["status"] == "SUCCEEDED", run
    events = states.get_execution_history(executionArn=run["executionArn"])["events"]
    entered = [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]
    assert entered[-1] == "Not yet", entered


def trained_on(standing: Standing) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows that a run of the training machine learns from, and their manifest; the run is stopped then."""
    time.sleep(1)  # the label that came last is of before the moment that is asked for
    states, as_of = standing.aws.client("stepfunctions"), datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = states.start_execution(
        stateMachineArn=standing.found["TrainingStateMachine"], input=json.dumps({"labels": "archive", "as_of": as_of})
    )["executionArn"]

    def entered() -> list[str]:
        pages = states.get_paginator("get_execution_history").paginate(executionArn=run)
        events = [one for page in pages for one in page["events"]]
        return [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]

    def made() -> bool:
        told = states.describe_execution(executionArn=run)
        assert told["status"] != "FAILED", f"{told.get('error')}: {told.get('cause')}"
        return "Train" in entered()

    wait_until(made, 240, lambda: AssertionError(f"no training set: {entered()}"), every_s=1)
    states.stop_execution(executionArn=run)
    assert "Training set" not in entered()
    bucket = standing.found["CuratedBucket"]
    keys = [one["Key"] for one in standing.s3.list_objects_v2(Bucket=bucket, Prefix="training-sets/")["Contents"]]
    [features] = [key for key in keys if key.endswith("/features.parquet")]
    [manifest] = [key for key in keys if key.endswith("/manifest.json")]
    content = {key: standing.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in (features, manifest)}
    return pq.read_table(io.BytesIO(content[features])).to_pylist(), json.loads(content[manifest])
