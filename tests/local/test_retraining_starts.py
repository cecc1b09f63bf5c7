"""Which events are followed by a training, on the emulated AWS, by the constructs that the training machine is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.assembly import read_assembly
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from stacks.constructs import turn
from stacks.constructs.retraining import COUNTED, DRIFT, Retraining
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Step, Succeed, Wait
from stacks.constructs.training import DETAIL
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import context

pytestmark = [pytest.mark.stacks, pytest.mark.slow]
WORK_S = 6
ENOUGH = 100
DELAY_DAYS = 3


class Machine:
    """A machine that works for some seconds where a training would run."""

    def __init__(self, aws: EmulatedAws, told: dict[str, str]) -> None:
        self._arn, self._table, self._bus = told["Arn"], told["Table"], told["Bus"]
        self._states, self._items = aws.client("stepfunctions"), aws.client("dynamodb")
        self._bus_client, self.aws = aws.client("events"), aws

    def start(self, kind: str, **detail: Any) -> str:
        """Starts it as the rule does, with an event."""
        event = {"source": "card-fraud", "detail-type": kind, "time": "2026-01-31T01:40:00Z", "detail": detail}
        return str(self._states.start_execution(stateMachineArn=self._arn, input=json.dumps(event))["executionArn"])

    def tell(self, kind: str, **detail: Any) -> None:
        """Puts an event on the bus."""
        entry = {"Source": "card-fraud", "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": self._bus}
        assert self._bus_client.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def runs(self) -> list[str]:
        found = self._states.list_executions(stateMachineArn=self._arn)["executions"]
        return [one["executionArn"] for one in found]

    def ended(self, run: str) -> list[str]:
        """The states that a run has entered, once it has ended."""

        def done() -> bool:
            told = self._states.describe_execution(executionArn=run)
            if told["status"] not in ("RUNNING", "SUCCEEDED"):
                raise AssertionError(f"{told.get('error')}: {told.get('cause')}")
            return bool(told["status"] == "SUCCEEDED")

        wait_until(done, 60, lambda: AssertionError(f"{run} does not end"))
        return self.entered(run)

    def entered(self, run: str) -> list[str]:
        """The states that a run has entered until now."""
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=run)
        told = [one for page in pages for one in page["events"]]
        return [one["stateEnteredEventDetails"]["name"] for one in told if "stateEnteredEventDetails" in one]

    def works(self, kind: str, **detail: Any) -> bool:
        """Whether a run that an event starts comes to its work."""
        return "Work" in self.ended(self.start(kind, **detail))

    def tomorrow(self) -> None:
        """What was started today, was yesterday."""
        self._items.update_item(
            TableName=self._table,
            Key={"machine": {"S": "training by itself"}},
            UpdateExpression="SET started = :day",
            ExpressionAttributeValues={":day": {"S": "2026-01-30"}},
        )

    def forget(self) -> None:
        """As if it had just been deployed."""
        self._items.delete_item(TableName=self._table, Key={"machine": {"S": "training by itself"}})


def drift(day: str, since: str) -> dict[str, Any]:
    """The detail of an event: two series, of which one has drifted today for the first time."""
    return {"day": day, "drifted": [{"name": "amount", "since": day}, {"name": "amount:travel", "since": since}]}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("retraining")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn, "POLL_S", 1)
        patch.setenv("CDK_VALIDATION", "false")
        app = cdk.App(outdir=str(folder / "out"), context=context(env="dev"))
        settings = read_settings({"training_new_labels": ENOUGH, "training_label_delay_days": DELAY_DAYS})
        stack = cdk.Stack(app, "Retraining", env=cdk.Environment(account="123456789012", region="us-east-1"))
        key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
        bus = events.CfnEventBus(stack, "OwnBus", name="of-the-application")
        one = turn.Turn(stack, "Turn", settings, key=key, of="training")
        retraining = Retraining(settings=settings, table=one.table)
        steps = {
            "Run": Step(assigns={"detail": DETAIL}),
            **retraining.steps("Take turn"),
            **one.steps("Labels learned"),
            **retraining.learned(),
            "Work": Wait(seconds=WORK_S),
            "Done": Succeed(),
        }
        made = StateMachine(stack, "Machine", settings, says="works", key=key, steps=steps)
        one.let(made)
        retraining.start(made, key, bus.attr_name)
        for name, value in (("Arn", made.arn), ("Table", one.table.table_name), ("Bus", bus.attr_name)):
            cdk.CfnOutput(stack, name, value=value)
        app.synth()
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy(read_assembly(folder / "out"), aws.client)
        yield Machine(aws, outputs(aws.client, "Retraining"))


@pytest.fixture
def machine(deployed: Machine) -> Machine:
    deployed.forget()
    return deployed


def test_enough_new_labels_are_followed_by_a_training_and_the_next_ones_count_from_there(machine: Machine) -> None:
    assert not machine.works(COUNTED, labels=ENOUGH - 1)
    assert machine.works(COUNTED, labels=ENOUGH + 20)
    machine.tomorrow()
    assert not machine.works(COUNTED, labels=ENOUGH + 20)
    assert not machine.works(COUNTED, labels=2 * ENOUGH + 19)
    assert machine.works(COUNTED, labels=2 * ENOUGH + 20)


def test_labels_that_any_other_run_has_learned_from_are_not_new(machine: Machine) -> None:
    assert not machine.works(COUNTED, labels=ENOUGH - 1)
    assert machine.works("retrain")
    assert not machine.works(COUNTED, labels=2 * ENOUGH - 2)
    assert machine.works(COUNTED, labels=2 * ENOUGH - 1)


def test_an_event_that_is_delivered_many_times_starts_one_training(machine: Machine) -> None:
    before = set(machine.runs())
    for _ in range(4):
        machine.tell(COUNTED, labels=ENOUGH)
    runs = wait_until(
        lambda: found if len(found := set(machine.runs()) - before) == 4 else None,
        60,
        lambda: AssertionError("the events have not started the machine"),
    )
    entered = [machine.ended(run) for run in runs]
    assert sorted(one[-1] for one in entered) == ["Done", "Not yet", "Not yet", "Not yet"]
    # another, of labels that were counted a moment later
    assert not machine.works(COUNTED, labels=3 * ENOUGH)
    assert not [row for row in machine.aws.permissions() if row["denied"]]


def test_drift_is_followed_by_a_training_once_its_days_have_labels(machine: Machine) -> None:
    assert not machine.works(DRIFT, **drift("2026-01-31", since="2026-01-28")), "no label has come back"
    assert not machine.works(COUNTED, labels=1)
    assert not machine.works(DRIFT, **drift("2026-01-30", since="2026-01-28")), "its days' labels are not there yet"
    assert machine.works(DRIFT, **drift("2026-01-31", since="2026-01-28"))
    machine.tomorrow()
    assert not machine.works(DRIFT, **drift("2026-02-04", since="2026-01-28")), "no new label has come back"
    assert not machine.works(COUNTED, labels=2)
    assert not machine.works(DRIFT, **drift("2026-02-02", since="2026-01-28")), "little is new"
    assert machine.works(DRIFT, **drift("2026-02-03", since="2026-01-28"))


def test_drift_of_each_night_of_a_week_queues_no_runs_behind_one_that_works(machine: Machine) -> None:
    assert not machine.works(COUNTED, labels=1)
    by_hand = machine.start("retrain")
    wait_until(lambda: "Work" in machine.entered(by_hand), 30, lambda: AssertionError("it does not begin"))
    assert not machine.works(COUNTED, labels=2)
    nights = [machine.start(DRIFT, **drift(f"2026-02-{day:02}", since="2026-01-20")) for day in range(1, 8)]
    ends = [machine.ended(run)[-1] for run in nights]
    assert sorted(ends) == ["Done", *["Not yet"] * 6]
    assert machine.ended(by_hand)[-1] == "Done"


def test_what_comes_with_labels_and_drift_in_one_night_is_trained_on_once(machine: Machine) -> None:
    assert machine.works(COUNTED, labels=ENOUGH)
    assert not machine.works(DRIFT, **drift("2026-01-31", since="2026-01-20"))
