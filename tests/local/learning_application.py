"""The whole application on the emulated AWS, as `fraud up` brings it there, in a world that changes: days pass through Kafka,
nights through its machines, and labels come back."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.label import as_label
from lambda_src.ports.label_events import publish_labels
from local.application import Application
from local.assembly import Stack
from local.deployment import deploy, resources
from local.nightly import nights_before, parquet
from local.replayer import Replayer
from local.rows import records
from local.stand_ins import stand_ins
from local.synthesis import synthesized_stacks
from stacks.streaming import ARCHIVE_WINDOW_S
from tests.local.drifting_world import DRIFT_FROM, DriftingWorld, begins_ms, day_of, midnight

RATE = 200
"""Transactions a second, where a day is to be over soon."""
SOON_S = 5


class LearningApplication:
    """It stands, with the past of the world in its archive.

    Args:
        folder: for the sums of the nights before.
    """

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self.aws, self.world = aws, DriftingWorld.make(cards=200)
        self.application = Application(aws.client)
        self.states, self.sagemaker = aws.client("stepfunctions"), aws.client("sagemaker")
        self._feed, self._decided = self.application.feed(), dict[str, dict[str, Any]]()
        self._replayer = Replayer(self.application.brokers)
        first = DRIFT_FROM - 1  # a day comes before, whose transactions fill the windows
        for day in range(first):
            self.put(f"transactions/day={day_of(day)}/past.parquet", parquet(self.world.of_days(day, day + 1)))
            self.put(f"decisions/day={day_of(day)}/past.parquet", parquet(self.world.outcomes(day, day + 1)))
        known = self.world.labels(self.world.frauds(0, first), midnight(first))
        self.put(f"labels/day={day_of(first)}/past.parquet", parquet(known))
        past = self.world.of_days(0, first)
        sums = nights_before(past.append_column("is_fraud", [[0] * past.num_rows]), begins_ms(first), folder)
        for path, content in sums.items():
            self.application.put("CuratedBucket", f"daily/{path}", content)

    def put(self, key: str, content: bytes) -> None:
        """An object of the archive."""
        self.application.put("ArchiveBucket", key, content)

    def serving(self) -> str:
        """The endpoint configuration that serves."""
        endpoint = self.sagemaker.describe_endpoint(EndpointName=self.application.outputs["EndpointName"])
        assert endpoint["EndpointStatus"] == "InService"
        return str(endpoint["EndpointConfigName"])

    def decided(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The decisions of transactions, once all of them are decided, in the order of the moments they were decided at."""

        def read() -> bool:
            while new := self._feed.read():
                self._decided |= {row["transaction_id"]: row for row in new}
            return self._decided.keys() >= set(ids)

        wait_until(read, 120, lambda: AssertionError("transactions are undecided"), every_s=0.2)
        return sorted((self._decided[each] for each in ids), key=lambda row: row["decided_at"])

    def day(self, first: int, until: int | None = None) -> list[dict[str, Any]]:
        """A day passes, or some: its transactions are sent, decided and archived; the decisions."""
        until = first + 1 if until is None else until
        rows = self.world.of_days(first, until)
        self._replayer.replay(records(rows), rate=RATE, finish=False)
        self._replayer.heartbeat(begins_ms(until))
        ids = rows["transaction_id"].to_pylist()
        found = self.decided(ids)
        for kind in ("transactions", "decisions"):
            wait_until(
                lambda kind=kind: self._archived(kind, first, until) == set(ids),  # type: ignore[misc]
                120,
                lambda kind=kind: AssertionError(f"{kind} of {day_of(first)} are not archived"),  # type: ignore[misc]
            )
        return found

    def _archived(self, kind: str, first: int, until: int) -> set[str]:
        found: set[str] = set()
        for day in range(first, until):
            for key in self.application.keys("ArchiveBucket", f"{kind}/day={day_of(day)}/"):
                content = io.BytesIO(self.application.get("ArchiveBucket", key))
                found.update(pq.read_table(content, columns=["transaction_id"])["transaction_id"].to_pylist())
        return found

    @contextmanager
    def traffic(self, first: int, until: int, rate: float) -> Iterator[list[str]]:
        """Transactions of some days are sent while something else happens, and no further then; gives the ids of those."""
        told, stop = list[str](), threading.Event()
        rows = self.world.of_days(first, until)
        failed: list[BaseException] = []

        def going_on() -> Iterator[Any]:
            for record in records(rows):
                if stop.is_set():
                    return
                told.append(json.loads(record.value)["transaction_id"])
                yield record

        def send() -> None:
            try:
                self._replayer.replay(going_on(), rate=rate, finish=False)
            except BaseException as error:  # noqa: BLE001 - raised again below
                failed.append(error)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        try:
            yield told
        finally:
            stop.set()
            sender.join(60)
        if failed:
            raise failed[0]
        assert len(told) < rows.num_rows, "there was traffic all the time"
        self._replayer.heartbeat(begins_ms(until))

    def heard(self, *kinds: str) -> Callable[[], list[dict[str, Any]]]:
        """From now on: the events of these types on the application's bus."""
        sqs, events, bus = self.aws.client("sqs"), self.aws.client("events"), self.application.outputs["EventBus"]
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

    def run(self, machine: str, **given: Any) -> Run:
        """A run of a machine that is started by hand, or by the schedule, once it has ended."""
        return self.ended(self.application.start(machine, given))

    def ended(self, run: str) -> Run:
        """A run, once it has ended."""
        output = self.application.wait(run)
        given = json.loads(self.states.describe_execution(executionArn=run)["input"])
        return Run(given, output, self.application.steps(run))

    def trainings(self) -> list[str]:
        """The runs of the training machine, the newest first."""
        machine = self.application.outputs["TrainingStateMachine"]
        return [one["executionArn"] for one in self.states.list_executions(stateMachineArn=machine)["executions"]]

    def followed(self, before: Sequence[str]) -> str:
        """The one run of the training machine that an event has started since."""
        new = wait_until(
            lambda: [one for one in self.trainings() if one not in before],
            60,
            lambda: AssertionError("no run of the training machine follows"),
        )
        assert len(new) == 1
        return new[0]

    def night(self, day: int) -> str:
        """After a day: the nightly features of the next one, and what was decided is compared; the run of the training machine
        that follows what was found."""
        self.run("NightlyStateMachine", cut=day_of(day + 1))
        before = self.trainings()
        assert "Tell" in self.run("DriftStateMachine", day=day_of(day)).states
        return self.followed(before)

    def come_back(self, ids: Sequence[str], *, is_fraud: bool, known_at: str) -> str:
        """Labels come back, and a night passes in which they are counted; the run of the training machine that follows."""
        tables, table = self.aws.client("dynamodb"), self.application.outputs["LabelsTable"]
        there = tables.describe_table(TableName=table)["Table"]["ItemCount"]
        fields = {"is_fraud": is_fraud, "source": "import", "reported_by": "back office", "known_at": known_at}
        labels = [as_label({"transaction_id": each, **fields}) for each in ids]
        publish_labels(self.aws.client("events"), self.application.outputs["EventBus"], labels)
        wait_until(
            lambda: tables.describe_table(TableName=table)["Table"]["ItemCount"] == there + len(ids),
            120,
            lambda: AssertionError("labels are lacking"),
        )
        time.sleep(1)  # the last one is of before the count
        before = self.trainings()
        self.run("CountStateMachine")
        return self.followed(before)

    def next_day(self) -> None:
        """By itself, a training starts once a day: what was today, was long ago."""
        made = resources(self.aws.client, "CardFraud-Dev-Training").values()
        (table,) = [known for kind, known in made if kind == "AWS::DynamoDB::Table"]
        self.aws.client("dynamodb").update_item(
            TableName=table, Key={"machine": {"S": "training by itself"}}, UpdateExpression="SET started = :day",
            ExpressionAttributeValues={":day": {"S": "2026-01-01"}},
        )  # fmt: skip

    def denied(self) -> list[Any]:
        """What a role was not allowed."""
        return [row for row in self.aws.permissions() if row["role"].startswith("CardFraud") and row["denied"]]


@dataclass(frozen=True)
class Run:
    """A run of a state machine that has succeeded.

    Attributes:
        given: its input.
        output: what it ended with.
        states: those that it entered, in order.
    """

    given: dict[str, Any]
    output: Any
    states: list[str]

    @property
    def end(self) -> str:
        """The state it ended in."""
        return self.states[-1]


@contextmanager
def learning_application(folder: Path, settings: Mapping[str, Any]) -> Iterator[LearningApplication]:
    """Brings all stacks onto an emulated AWS, as `fraud up` does; days of the past can be sent.

    Args:
        settings: of the stacks.
    """
    settings = {"env": "dev", "replay": True, **settings}
    stacks = [_archived_soon(stack) for stack in synthesized_stacks(folder, settings)]
    with EmulatedAws(folder / "aws", replace(stand_ins(settings), item_counts_every_s=2)) as aws:
        deploy(stacks, aws.client)
        yield LearningApplication(aws, folder)


def _archived_soon(stack: Stack) -> Stack:
    """A stack whose archive waits seconds for a batch to fill, not minutes: a test has no whole days."""
    template = json.loads(stack.body)
    for one in template["Resources"].values():
        if one.get("Properties", {}).get("MaximumBatchingWindowInSeconds") == ARCHIVE_WINDOW_S:
            one["Properties"]["MaximumBatchingWindowInSeconds"] = SOON_S
    return replace(stack, body=json.dumps(template))
