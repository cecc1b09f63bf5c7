"""A candidate that a person is to approve, on the emulated AWS: registered and told, by the steps of the training machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from emulator.process import EmulatedAws
from local.assembly import read_assembly
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from stacks.constructs.jobs import image_arn
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import AWAITS, Promotion
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Step
from stacks.images import image
from stacks.settings import read_settings
from tests.local.test_synthesis_machine import has_ended
from tests.stacks.stacks_under_test import context

pytestmark = [pytest.mark.stacks, pytest.mark.slow]
ACCOUNT, REGION, GROUP = "123456789012", "us-east-1", "models"
WHY = "no worse than the champion"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatedAws, dict[str, str]]]:
    """A machine of the steps behind the gate, which has accepted."""
    folder = tmp_path_factory.mktemp("approval")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        app = cdk.App(outdir=str(folder / "out"), context=context(env="dev"))
        settings = read_settings({"approval": "person"})
        stack = cdk.Stack(app, "Approval", env=cdk.Environment(account=ACCOUNT, region=REGION))
        key = kms.Key(stack, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
        bus = events.CfnEventBus(stack, "OwnBus", name="of-the-application")
        sagemaker.CfnModelPackageGroup(stack, "Registry", model_package_group_name=GROUP)
        endpoint: Any = SimpleNamespace(
            container=lambda model: {"Image": image("xgboost", REGION), "ModelDataUrl": model}
        )
        promotion = Promotion(
            settings=settings, key_arn=key.key_arn, endpoint=endpoint, gate_arn="", registry=GROUP, prefix=GROUP,
            evaluations="s3://models/evaluations/", bus=bus.attr_name,
        )  # fmt: skip
        verdict = {"accepted": True, "why": WHY, "metadata": {"model_version": "m1"}}
        run = Step(assigns={"run": "run-1", "model": "s3://models/models/run-1/model.tar.gz", "verdict": verdict})
        steps = {"Run": run, **promotion._registering(), **promotion._awaiting()}
        made = StateMachine(stack, "Machine", settings, says="registers", key=key, steps=steps)
        arns = [
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}"
            for kind in (f"model-package-group/{GROUP}", f"model-package/{GROUP}/*")
        ]
        allow(made.role, ["sagemaker:CreateModelPackage"], arns, because="Versions are numbered as they are made.")
        allow(made.role, ["events:PutEvents"], [bus.attr_arn])
        # of what is registered
        allow(made.role, ["ecr:BatchGetImage", "ecr:DescribeImages"], [image_arn(image("xgboost", REGION))])
        allow(made.role, ["s3:GetObject"], ["arn:aws:s3:::models/*"], because="Each run's model has a name of its own.")
        for name, value in (("Arn", made.arn), ("Bus", bus.attr_name)):
            cdk.CfnOutput(stack, name, value=value)
        app.synth()
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy(read_assembly(folder / "out"), aws.client)
        yield aws, outputs(aws.client, "Approval")


def test_the_candidate_is_registered_as_pending_and_an_event_says_so(
    deployed: tuple[EmulatedAws, dict[str, str]],
) -> None:
    aws, told = deployed
    heard = queue_of(aws, told["Bus"])
    states = aws.client("stepfunctions")
    run = states.start_execution(stateMachineArn=told["Arn"], input="{}")["executionArn"]
    said = json.loads(has_ended(aws, run)["output"])
    assert said["sentence"] == f"model v1 awaits approval: {WHY}"
    [package] = aws.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert (package["ModelPackageArn"], package["ModelApprovalStatus"]) == (said["package"], "PendingManualApproval")
    [message] = aws.client("sqs").receive_message(QueueUrl=heard, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]) == (AWAITS, said)
    assert said["evaluation"] == "s3://models/evaluations/run-1/evaluation.json"
    assert not [row for row in aws.permissions() if row["denied"]]


def queue_of(aws: EmulatedAws, bus: str) -> str:
    """A queue that gets the events of the type."""
    sqs, client = aws.client("sqs"), aws.client("events")
    url = str(sqs.create_queue(QueueName="told")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    trust = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client.put_rule(Name="told", EventBusName=bus, EventPattern=json.dumps({"detail-type": [AWAITS]}))
    client.put_targets(Rule="told", EventBusName=bus, Targets=[{"Id": "told", "Arn": arn}])
    return url
