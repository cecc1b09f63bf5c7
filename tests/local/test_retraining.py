"""The life of a model on the emulated AWS, with nobody who does anything: a change is found, labels come back, and a better model
serves; then labels come that are wrong, and the model which they make does not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.label import as_label
from fraud.ports import ScorerUnavailableError
from fraud.vector import given_input, model_vector
from lambda_src.ports.endpoint_scorer import EndpointScorer
from lambda_src.ports.label_events import publish_labels
from local.assembly import Stack
from local.deployment import deploy, outputs
from local.nightly import parquet
from local.stand_ins import stand_ins
from local.synthesis import synthesized_stacks
from stacks.constructs.drift import EVENT as DRIFT
from stacks.constructs.promotion import SERVES
from stacks.constructs.retraining import COUNTED
from tests.local.drifting_archive import DRIFT_FROM, TRIPLED, DriftingArchive, day_of, decided
from tests.local.test_labels import without_kafka

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = ("Data", "Serving", "Streaming", "Labels", "Training")
ENOUGH = 350
"""New labels that are followed by a training: fewer come back of the change than are wrong later."""
SETTINGS = {
    "training_label_delay_days": 1,
    "training_new_labels": ENOUGH,
    "canary_percent": 50,
    "canary_wait_s": 180,
    # nothing is asked here of how fast this machine is
    "alarm_model_latency_ms": 20_000,
    "endpoint_instances_least": 2,
    "endpoint_instances_most": 2,
}
KNOWN, CORRECTED = "2026-03-05T00:00:00.000Z", "2026-03-06T00:00:00.000Z"


@dataclass
class Asked:
    """What the endpoint has answered a caller that goes on asking, and what it has not."""

    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Standing:
    """The application, as far as models need it, with an archive."""

    def __init__(self, aws: EmulatedAws, stacks: dict[str, Stack]) -> None:
        self.aws, self.archive = aws, DriftingArchive.make(cards=200)
        self.found = {name: value for part in PARTS for name, value in outputs(aws.client, stacks[part].name).items()}
        self.states, self.sagemaker = aws.client("stepfunctions"), aws.client("sagemaker")
        self.features = self.archive.features()
        self.scorer = EndpointScorer(aws.client("sagemaker-runtime"), self.found["EndpointName"])
        self.put("transactions/day=2026-01-01/a.parquet", self.archive.transactions)
        self.put("decisions/day=2026-01-01/a.parquet", self.archive.outcomes())
        before = self.archive.frauds(0, DRIFT_FROM)
        known = datetime(2026, 2, 5, tzinfo=timezone.utc)
        self.put("labels/day=2026-02-05/a.parquet", self.archive.labels(before, known))

    def put(self, key: str, table: pa.Table) -> None:
        self.aws.client("s3").put_object(Bucket=self.found["ArchiveBucket"], Key=key, Body=parquet(table))

    def serving(self) -> str:
        """The endpoint configuration that serves."""
        endpoint = self.sagemaker.describe_endpoint(EndpointName=self.found["EndpointName"])
        assert endpoint["EndpointStatus"] == "InService"
        return str(endpoint["EndpointConfigName"])

    def asked(self) -> Callable[[], Asked]:
        """Asks the endpoint from now on, until what it answered is asked for."""
        told, stop = Asked(), threading.Event()
        rows = self.features.head(3)
        takes = given_input(rows)
        vectors = model_vector(rows, takes)

        def ask() -> None:
            while not stop.is_set():
                try:
                    told.versions.append(self.scorer.score(vectors, takes, 0).model_version)
                except ScorerUnavailableError as error:
                    told.failures.append(str(error))
                stop.wait(0.3)

        caller = threading.Thread(target=ask, daemon=True)
        caller.start()

        def ended() -> Asked:
            stop.set()
            caller.join(30)
            return told

        return ended

    def heard(self, *kinds: str) -> Callable[[], list[dict[str, Any]]]:
        """From now on: the events of these types on the application's bus."""
        sqs, events, bus = self.aws.client("sqs"), self.aws.client("events"), self.found["EventBus"]
        url = sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        trust = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_rule(Name="heard", EventBusName=bus, EventPattern=json.dumps({"detail-type": list(kinds)}))
        events.put_targets(Rule="heard", EventBusName=bus, Targets=[{"Id": "heard", "Arn": arn}])
        found: list[dict[str, Any]] = []

        def read() -> list[dict[str, Any]]:
            while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2).get("Messages"):
                found.extend(json.loads(one["Body"]) for one in more)
                for one in more:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            return found

        return read

    def run(self, machine: str, **given: Any) -> dict[str, Any]:
        """A run of a machine that is started by hand, or by the schedule, once it has ended."""
        started = self.states.start_execution(stateMachineArn=self.found[machine], input=json.dumps(given))
        return self.ended(started["executionArn"])

    def ended(self, run: str) -> dict[str, Any]:
        """A run, once it has ended, with the `states` that it has entered."""

        def done() -> dict[str, Any] | None:
            told: dict[str, Any] = self.states.describe_execution(executionArn=run)
            return None if told["status"] == "RUNNING" else told

        told = wait_until(done, 420, lambda: AssertionError(f"{run} does not end"), every_s=0.5)
        assert told["status"] == "SUCCEEDED", f"{told.get('error')}: {told.get('cause')}"
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=run)
        entered = [one["stateEnteredEventDetails"] for page in pages for one in page["events"]
                   if "stateEnteredEventDetails" in one]  # fmt: skip
        return {**told, "states": [one["name"] for one in entered]}

    def trainings(self) -> list[str]:
        """The runs of the training machine, the newest first."""
        found = self.states.list_executions(stateMachineArn=self.found["TrainingStateMachine"])["executions"]
        return [one["executionArn"] for one in found]

    def followed(self, before: Sequence[str], kind: str) -> dict[str, Any]:
        """The one run of the training machine that an event has started since, once it has ended."""
        new = wait_until(
            lambda: [one for one in self.trainings() if one not in before],
            60,
            lambda: AssertionError(f"no run follows {kind}"),
        )
        assert len(new) == 1
        told = self.ended(new[0])
        assert json.loads(told["input"])["detail-type"] == kind
        return told

    def watched(self, day: int) -> dict[str, Any]:
        """A day's decisions come into the archive and are compared; the run of the training machine that follows."""
        rows: pd.DataFrame = self.features[self.features["day"] == day]
        self.put(f"decisions/day={day_of(day)}/live.parquet", decided(rows, self.scorer))
        before = self.trainings()
        assert "Tell" in self.run("DriftStateMachine", day=day_of(day))["states"]
        return self.followed(before, DRIFT)

    def come_back(self, ids: Sequence[str], *, is_fraud: bool, known_at: str) -> dict[str, Any]:
        """Labels come back, and a night passes in which they are counted; the run of the training machine that follows."""
        tables, table = self.aws.client("dynamodb"), self.found["LabelsTable"]
        there = tables.describe_table(TableName=table)["Table"]["ItemCount"]
        fields = {"is_fraud": is_fraud, "source": "import", "reported_by": "back office", "known_at": known_at}
        labels = [as_label({"transaction_id": each, **fields}) for each in ids]
        publish_labels(self.aws.client("events"), self.found["EventBus"], labels)
        wait_until(
            lambda: tables.describe_table(TableName=table)["Table"]["ItemCount"] == there + len(ids),
            120,
            lambda: AssertionError("labels are lacking"),
        )
        time.sleep(1)  # the last one is of before the count
        before = self.trainings()
        self.run("CountStateMachine")
        return self.followed(before, COUNTED)

    def next_day(self) -> None:
        """By itself, a training starts once a day: what was today, was long ago."""
        (table,) = [
            one["PhysicalResourceId"]
            for one in self.aws.client("cloudformation").describe_stack_resources(StackName="CardFraud-Dev-Training")[
                "StackResources"
            ]
            if one["ResourceType"] == "AWS::DynamoDB::Table"
        ]
        self.aws.client("dynamodb").update_item(
            TableName=table, Key={"machine": {"S": "training by itself"}}, UpdateExpression="SET started = :day",
            ExpressionAttributeValues={":day": {"S": "2026-01-01"}},
        )  # fmt: skip

    def denied(self) -> list[Any]:
        return [row for row in self.aws.permissions() if row["role"].startswith("CardFraud") and row["denied"]]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("retraining")
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, SETTINGS)}
    stacks["Streaming"] = without_kafka(stacks["Streaming"])
    with EmulatedAws(folder / "aws", replace(stand_ins(SETTINGS), item_counts_every_s=2)) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Standing(aws, stacks)


def test_drift_is_found_labels_come_back_and_a_better_model_serves_then_wrong_ones_make_one_that_does_not(
    standing: Standing,
) -> None:
    heard = standing.heard(DRIFT, SERVES, "Model refused")
    first = standing.run("TrainingStateMachine", labels="archive", as_of=day_of(DRIFT_FROM))
    assert first["states"][-1] == "New champion"
    before = standing.serving()
    asked = standing.asked()

    # the first day on which customers and fraud are otherwise: told, and too early to learn from
    assert standing.watched(DRIFT_FROM)["states"][-1] == "Not yet"
    # its frauds become known; of few labels nothing follows
    frauds = standing.archive.frauds(DRIFT_FROM, 10**6)
    assert len(frauds) < ENOUGH
    assert standing.come_back(frauds, is_fraud=True, known_at=KNOWN)["states"][-1] == "Not yet"
    # the drift lasts, and has labels now
    run = standing.watched(DRIFT_FROM + 1)
    assert run["states"][-1] == "New champion"
    event = json.loads(run["input"])["detail"]
    since = {each["name"]: each["since"] for each in event["drifted"]}
    assert {f"amount of {name}": day_of(DRIFT_FROM) for name in TRIPLED}.items() <= since.items()
    better = standing.serving()
    assert better != before
    told = asked()
    assert told.failures == []
    changes = sum(one != other for one, other in pairwise(told.versions))
    assert len(set(told.versions)) == 2 and changes > 1, "the canary has half of the traffic for a while"
    serves = [one["detail"]["sentence"] for one in heard() if one["detail-type"] == SERVES]
    assert len(serves) == 2
    assert "no worse than the champion" in serves[-1]

    # by mistake, most frauds of the weeks that are learned from are said to be honest
    asked = standing.asked()
    wrong = [each for place, each in enumerate(standing.archive.frauds(0, DRIFT_FROM + 12)) if place % 20]
    assert len(wrong) >= ENOUGH
    standing.next_day()
    refused = standing.come_back(wrong, is_fraud=False, known_at=CORRECTED)
    assert refused["states"][-1] == "Champion stays"
    assert "is below the champion's" in refused["output"]
    told = asked()
    assert told.failures == []
    assert len(set(told.versions)) == 1
    assert standing.serving() == better
    kinds = [one["detail-type"] for one in heard()]
    assert (kinds.count(SERVES), kinds.count(DRIFT), kinds.count("Model refused")) == (2, 2, 1)
    assert standing.denied() == []
