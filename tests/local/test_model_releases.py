"""Releases come and go under a model's endpoint that stands: which model serves then, and that someone is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.account import ACCOUNT, REGION
from emulator.process import ROOT, EmulatedAws
from fraud.model_input import ModelInput
from fraud.vector import CATEGORY_FEATURES, declared_input
from local.assembly import Asset, Stack
from local.deployment import deploy, outputs
from local.own_model import archive
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from stacks.constructs.promotion import SERVES
from stacks.images import image
from tests.fraud.test_releases import model
from tests.local.test_synthesis_machine import bus_alone, has_ended

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(580)]

PARTS = ("Data", "Serving", "Streaming", "Training")
FIRST = "first/model.tar.gz"
COMPUTED = declared_input(dict.fromkeys(CATEGORY_FEATURES, ("a", "b")))
LATER = ModelInput((*COMPUTED.names, "shoe_size"), COMPUTED.categories)
"""What a model of a later release takes."""


def changed(stack: Stack, asset: Asset, source: Path) -> Stack:
    """A stack with another content of an asset, which has another key then."""
    other = replace(asset, source=source, key=f"later-{asset.key}")
    assets = tuple(other if one is asset else one for one in stack.assets)
    return replace(stack, body=stack.body.replace(asset.key, other.key), assets=assets)


def later(stacks: dict[str, Stack], folder: Path) -> list[Stack]:
    """The release after these: it brings another first model, and computes a feature more."""
    [first] = [one for one in stacks["Serving"].assets if one.source.name == "bootstrap.tar.gz"]
    packed = folder / "bootstrap.tar.gz"
    packed.write_bytes(archive(model(folder / "first", LATER)))
    [function] = [one for one in stacks["Training"].assets if (one.source / "lambda_src/champion/handler.py").is_file()]
    code = shutil.copytree(function.source, folder / "code")
    shutil.rmtree(code / "fraud" / "__pycache__")
    with (code / "fraud" / "vector.py").open("a") as declared:
        declared.write('\nFEATURE_NAMES = (*FEATURE_NAMES, "shoe_size")\n')
    serving = changed(stacks["Serving"], first, packed)
    return [stacks["Data"], serving, stacks["Streaming"], changed(stacks["Training"], function, code)]


class Standing:
    """The application, without what computes and decides."""

    def __init__(self, aws: EmulatedAws, names: list[str]) -> None:
        self.aws, self.sagemaker, self._training = aws, aws.client("sagemaker"), names[-1]
        self.outputs = {name: value for stack in names for name, value in outputs(aws.client, stack).items()}

    def serving(self) -> str:
        """The endpoint configuration that serves."""
        endpoint = self.sagemaker.describe_endpoint(EndpointName=self.outputs["EndpointName"])
        assert endpoint["EndpointStatus"] == "InService"
        return str(endpoint["EndpointConfigName"])

    def first_model(self) -> bytes:
        found = self.aws.client("s3").get_object(Bucket=self.outputs["ModelsBucket"], Key=FIRST)
        return bytes(found["Body"].read())

    def approve(self, number: int, packed: bytes, status: str = "Approved") -> None:
        """Registers a model as approved, or as one that awaits a person's approval."""
        bucket, key = self.outputs["ModelsBucket"], f"models/{number}/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=packed)
        self.sagemaker.create_model_package(
            ModelPackageGroupName=self.outputs["ModelRegistry"],
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": image("xgboost", REGION), "ModelDataUrl": f"s3://{bucket}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )

    def updated(self) -> tuple[str, str]:
        """Has the machine process what CloudFormation tells of an update of its stack: the last state, and the sentence."""
        stack = self.aws.client("cloudformation").describe_stacks(StackName=self._training)["Stacks"][0]["StackId"]
        event = {
            "id": "1",
            "account": ACCOUNT,
            "region": REGION,
            "time": "2026-01-31T00:00:00Z",
            "resources": [stack],
            "source": "aws.cloudformation",
            "detail-type": "CloudFormation Stack Status Change",
            "detail": {"stack-id": stack, "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""}},
        }
        events, states = self.aws.client("events"), self.aws.client("stepfunctions")
        patterns = [rule["EventPattern"] for rule in events.list_rules()["Rules"] if rule.get("EventPattern")]
        matching = [
            pattern
            for pattern in patterns
            if events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
        ]
        assert len(matching) == 1
        machine = self.outputs["TrainingStateMachine"]
        run = states.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
        sentence = json.loads(has_ended(self.aws, run)["output"])["sentence"]
        pages = states.get_paginator("get_execution_history").paginate(executionArn=run)
        steps = [
            one["stateEnteredEventDetails"]
            for page in pages
            for one in page["events"]
            if "stateEnteredEventDetails" in one
        ]
        return steps[-1]["name"], sentence

    def models(self, *words: str) -> tuple[int, str]:
        """Runs `fraud models`: exit status, and what it says on both outputs."""
        variables = {
            **os.environ, **self.aws.credentials, "AWS_ENDPOINT_URL": self.aws.endpoint, "AWS_DEFAULT_REGION": REGION,
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        command = [sys.executable, "-m", "cli.main", "models", *words, "--env", "dev"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split())

    def heard(self) -> Callable[[], list[dict[str, Any]]]:
        """From now on: the events that say which model serves."""
        sqs, events = self.aws.client("sqs"), self.aws.client("events")
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        bus = self.outputs["EventBus"]
        events.put_rule(Name="told", EventBusName=bus, EventPattern=json.dumps({"detail-type": [SERVES]}))
        events.put_targets(Rule="told", EventBusName=bus, Targets=[{"Id": "told", "Arn": arn}])

        def read() -> list[dict[str, Any]]:
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
            return [json.loads(one["Body"])["detail"] for one in found]

        return read


@pytest.fixture
def stacks(tmp_path: Path) -> dict[str, Stack]:
    found = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(tmp_path, {"env": "dev"})}
    return {**{name: found[name] for name in PARTS}, "Streaming": bus_alone(found["Streaming"])}


@pytest.fixture
def standing(stacks: dict[str, Stack], tmp_path: Path) -> Iterator[Standing]:
    with EmulatedAws(tmp_path / "aws", STAND_INS) as aws:
        deploy(stacks.values(), aws.client)
        yield Standing(aws, [stack.name for stack in stacks.values()])


def test_a_release_and_its_way_back_each_get_the_model_that_was_made_for_them(
    standing: Standing, stacks: dict[str, Stack], tmp_path: Path
) -> None:
    heard, first = standing.heard(), standing.first_model()
    assert not standing.serving().startswith("card-fraud-dev-")
    assert standing.updated() == ("Nothing to do", "what serves stays: no model is approved")
    standing.approve(1, archive(model(tmp_path / "v1", COMPUTED)))
    assert standing.updated() == ("New champion", "model v1 serves: it is the newest approved")
    before = standing.serving()
    assert before.startswith("card-fraud-dev-")

    deploy(later(stacks, tmp_path), standing.aws.client)
    # whatever the release brings
    assert (standing.serving(), standing.first_model()) == (before, first)
    standing.approve(2, archive(model(tmp_path / "v2", LATER)))
    assert standing.updated() == ("New champion", "model v2 serves: it is the newest approved")
    of_later = standing.serving()
    assert of_later != before

    deploy(stacks.values(), standing.aws.client)
    assert standing.serving() == of_later
    why = "v2, the newest approved, takes features that this release does not compute: shoe_size"
    assert standing.updated() == ("New champion", f"model v1 serves: {why}")
    again = standing.serving()
    assert again not in (before, of_later)
    assert standing.updated() == ("Nothing to do", f"model v1 serves: {why}")
    assert standing.serving() == again

    # by a person: one that this release cannot give what it takes, one that it can, and back
    assert f"model v1 serves: {why}" in standing.models("list")[1]
    status, said = standing.models("promote", "v2", "--yes")
    assert (status, "v2 cannot serve: it takes features that this release does not compute: shoe_size" in said) == (
        2,
        True,
    )
    standing.approve(3, archive(model(tmp_path / "v3", COMPUTED)), "PendingManualApproval")
    assert standing.updated() == ("Nothing to do", f"model v1 serves: {why}")
    status, said = standing.models("promote", "v3", "--yes")
    assert (status, said.startswith("model v3 serves: it is the newest approved")) == (0, True), said
    promoted = standing.serving()
    assert promoted not in (before, of_later, again)
    status, said = standing.models("rollback", "--yes")
    assert (status, said.startswith(f"model v1 serves: {why}")) == (0, True), said
    assert standing.serving() not in (before, of_later, again, promoted)
    listed = json.loads(standing.models("list", "--json")[1])
    assert [(one["version"], one["status"], one["serves"]) for one in listed["versions"]] == [
        (3, "Rejected", False), (2, "Approved", False), (1, "Approved", True),
    ]  # fmt: skip

    told = [one["sentence"] for one in heard()]
    assert len(told) == 8
    assert told.count(f"model v1 serves: {why}") == 4
    assert not [row for row in standing.aws.permissions() if row["role"].startswith("CardFraud") and row["denied"]]
