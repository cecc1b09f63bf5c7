"""The turn of a state machine's runs, on the emulated AWS, by the constructs that the training machine is made of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.assembly import read_assembly
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from stacks.constructs import turn
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Succeed, Wait
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import context

pytestmark = [pytest.mark.stacks, pytest.mark.slow]
WORK_S = 20


class Machine:
    """A machine of which one run works at a time, for some seconds."""

    def __init__(self, aws: EmulatedAws, arn: str, table: str) -> None:
        self._arn, self._table = arn, table
        self._states, self._items = aws.client("stepfunctions"), aws.client("dynamodb")

    def start(self, name: str) -> str:
        started = self._states.start_execution(stateMachineArn=self._arn, name=name)
        return str(started["executionArn"])

    def stop(self, run: str) -> None:
        self._states.stop_execution(executionArn=run)

    def ended(self, run: str) -> str:
        """How a run ended, once it has."""

        def done() -> str | None:
            told = self._states.describe_execution(executionArn=run)
            if told["status"] == "FAILED":
                raise AssertionError(f"{told.get('error')}: {told.get('cause')}")
            return None if told["status"] == "RUNNING" else str(told["status"])

        return str(wait_until(done, 60, lambda: AssertionError(f"{run} does not end: {self.steps(run)}")))

    def _events(self, run: str) -> Iterator[tuple[str, float, dict[str, Any]]]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=run)
        for event in (each for page in pages for each in page["events"]):
            told = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails")
            if told:
                yield ("in" if "stateEnteredEventDetails" in event else "out", event["timestamp"].timestamp(), told)

    def steps(self, run: str) -> list[str]:
        return [told["name"] for way, _, told in self._events(run) if way == "in"]

    def works(self, run: str) -> bool:
        return "Work" in self.steps(run)

    def worked(self, run: str) -> tuple[float, float]:
        """From when to when."""
        begin, end = (at for _, at, told in self._events(run) if told["name"] == "Work")
        return begin, end

    @property
    def holder(self) -> str:
        found = self._items.get_item(TableName=self._table, Key={"machine": {"S": "work"}}, ConsistentRead=True)
        return str(found["Item"]["holder"]["S"])

    @holder.setter
    def holder(self, run: str) -> None:
        self._items.put_item(TableName=self._table, Item={"machine": {"S": "work"}, "holder": {"S": run}})


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("turn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turn, "POLL_S", 1)
        patch.setenv("CDK_VALIDATION", "false")
        app = cdk.App(outdir=str(folder / "out"), context=context(env="dev"))
        settings = read_settings({"env": "dev"})
        stack = cdk.Stack(app, "Turns", env=cdk.Environment(account="123456789012", region="us-east-1"))
        key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
        one = turn.Turn(stack, "Turn", settings, key=key, of="work")
        steps = {**one.steps("Work"), "Work": Wait(seconds=WORK_S), "Done": Succeed()}
        made = StateMachine(stack, "Machine", settings, says="works", key=key, steps=steps)
        one.let(made)
        cdk.CfnOutput(stack, "Arn", value=made.arn)
        cdk.CfnOutput(stack, "Table", value=one.table.table_name)
        app.synth()
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy(read_assembly(folder / "out"), aws.client)
        told = outputs(aws.client, "Turns")
        yield Machine(aws, told["Arn"], told["Table"])


def test_runs_that_start_together_work_one_after_the_other_and_none_is_lost(machine: Machine) -> None:
    runs = [machine.start(f"together-{number}") for number in range(3)]
    assert [machine.ended(run) for run in runs] == ["SUCCEEDED"] * 3
    times = sorted(machine.worked(run) for run in runs)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(times)), times


def test_the_turn_of_a_run_that_was_stopped_is_taken_over(machine: Machine) -> None:
    first = machine.start("stopped")
    wait_until(lambda: machine.works(first), 30, lambda: AssertionError("it does not begin"))
    second = machine.start("after-it")
    wait_until(
        lambda: "Until it has ended" in machine.steps(second),
        30,
        lambda: AssertionError(f"it does not wait: {machine.steps(second)}; {machine.steps(first)}"),
    )
    assert machine.holder == first
    machine.stop(first)
    assert machine.ended(second) == "SUCCEEDED"
    assert "Take turn over" in machine.steps(second)
    assert machine.holder == second


def test_the_turn_of_a_run_that_is_not_known_any_more_is_taken_over(machine: Machine) -> None:
    known = machine.start("known")
    machine.ended(known)
    machine.holder = known.replace("known", "of-months-ago")
    run = machine.start("after-months")
    assert machine.ended(run) == "SUCCEEDED"
    assert machine.holder == run
