"""A candidate that is refused, or awaits approval: people are told why, and where its evaluation is; on the emulated AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.assembly import read_assembly
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from stacks.constructs.alarms import notify_of, topic
from stacks.constructs.decisions import event_bus
from stacks.constructs.encryption import project_key
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import AWAITS, EVALUATIONS, REFUSED, tell_of_refusal
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Step, Succeed
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import context

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(300)]
WHY = 'broken in a segment: category "travel": recall at .1% false positives falls by 0.400'
VERDICT = {"accepted": False, "why": WHY}


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[EmulatedAws, dict[str, str]]]:
    monkeypatch.setenv("CDK_VALIDATION", "false")
    app = cdk.App(outdir=str(tmp_path / "out"), context=context(env="dev"))
    settings = read_settings({"env": "dev"})
    stack = cdk.Stack(app, "Refusals", env=cdk.Environment(account="123456789012", region="us-east-1"))
    key = project_key(stack, "Key", settings)
    bus = event_bus(stack, "Events", key)
    notified = topic(stack, "Alarms", key, None)
    notify_of(stack, "Refused", key, bus.attr_name, (REFUSED, AWAITS), notified)
    steps = {
        "Run": Step(assigns={"run": "r1", "verdict": VERDICT}),
        "Tell of refusal": tell_of_refusal(bus.attr_name, f"s3://models/{EVALUATIONS}"),
        "Champion stays": Succeed(),
    }
    machine = StateMachine(stack, "Machine", settings, says="refuses", key=key, steps=steps)
    allow(machine.role, ["events:PutEvents"], [bus.attr_arn])
    heard = sqs.Queue(stack, "Heard")
    heard.grant_send_messages(cdk.aws_iam.ServicePrincipal("sns.amazonaws.com"))
    sns.CfnSubscription(stack, "Hears", topic_arn=notified.topic_arn, protocol="sqs", endpoint=heard.queue_arn)
    for name, value in {"Machine": machine.arn, "Heard": heard.queue_url, "Bus": bus.attr_name}.items():
        cdk.CfnOutput(stack, f"{name}Out", value=value)
    app.synth()
    with EmulatedAws(tmp_path / "aws", STAND_INS) as aws:
        deploy(read_assembly(tmp_path / "out"), aws.client)
        yield aws, outputs(aws.client, "Refusals")


def test_people_are_told_of_a_refused_candidate_and_of_its_evaluation(
    standing: tuple[EmulatedAws, dict[str, str]],
) -> None:
    aws, found = standing
    states, sqs_client = aws.client("stepfunctions"), aws.client("sqs")
    run = states.start_execution(stateMachineArn=found["MachineOut"])["executionArn"]

    def ended() -> dict[str, str] | None:
        told = states.describe_execution(executionArn=run)
        return None if told["status"] == "RUNNING" else told

    told = wait_until(ended, 60, lambda: AssertionError("the machine does not end"))
    assert (told["status"], json.loads(told["output"])) == ("SUCCEEDED", VERDICT)

    def heard() -> list[str]:
        asked = sqs_client.receive_message(QueueUrl=found["HeardOut"], WaitTimeSeconds=1)
        return [one["Body"] for one in asked.get("Messages", [])]

    [message] = wait_until(heard, 30, lambda: AssertionError("nobody was told"))
    assert json.loads(json.loads(message)["Message"]) == {
        "run": "r1",
        "sentence": f"the candidate is refused: {WHY}",
        "evaluation": "s3://models/evaluations/r1/evaluation.json",
    }
    awaits = {"run": "r2", "sentence": "the candidate awaits approval", "package": "arn", "evaluation": "s3://models/e"}
    entry = {
        "EventBusName": found["BusOut"],
        "Source": "card-fraud",
        "DetailType": AWAITS,
        "Detail": json.dumps(awaits),
    }
    aws.client("events").put_events(Entries=[entry, entry | {"DetailType": "Model serves"}])
    # the queue gives out the first message once more only after its time
    [message] = wait_until(heard, 20, lambda: AssertionError("nobody was told that one awaits approval"))
    assert json.loads(json.loads(message)["Message"]) == awaits
    assert not [row for row in aws.permissions() if row["denied"]]
