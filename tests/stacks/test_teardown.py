"""Deleting an environment: nothing unasked, and what is left is named. That it is nothing, `test_cdk_tool.py` shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from stacks.names import JOB_LOG_GROUPS, OFFLINE_DATABASE
from stacks.settings import Settings
from stacks.teardown import Environment, TeardownError, main, teardown
from tests.stacks.stacks_under_test import read_templates, resources, synthesize

ROLE = "arn:aws:iam::123456789012:role/model"
CONTAINER = {"Image": "i", "ModelDataUrl": "s3://models/models/run/model.tar.gz"}
BUCKET = "cardfraud-dev-data-archive"


class Stacks:
    """CloudFormation as far as it is asked: the stacks that stand, with their resources (moto's wants more libraries)."""

    exceptions = type("Exceptions", (), {"ClientError": ClientError})

    def __init__(self, **standing: list[tuple[str, str]]) -> None:
        self.standing = {f"CardFraud-Dev-{name}": resources for name, resources in standing.items()}
        self.protected: set[str] = set()

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "list_stack_resources": self._resources,
            "describe_stacks": lambda: {"Stacks": [self._stack(name) for name in self.standing]},
            "list_stacks": lambda: {"StackSummaries": [self._stack(name) for name in self.standing]},
        }
        return type("Paginator", (), {"paginate": lambda _, **given: [pages[operation](**given)]})()

    def _stack(self, name: str) -> dict[str, Any]:
        protected = name in self.protected
        return {"StackName": name, "StackStatus": "CREATE_COMPLETE", "EnableTerminationProtection": protected}

    def _resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - CloudFormation's name for it
        if StackName not in self.standing:
            error = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": error}, "ListStackResources")
        found = self.standing[StackName]
        return {
            "StackResourceSummaries": [{"ResourceType": type_, "PhysicalResourceId": name} for type_, name in found]
        }


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture
def deployed(session: boto3.Session) -> Environment:
    """An environment with data, a registered model, and what training made of it."""
    stacks = Stacks(Data=[("AWS::S3::Bucket", BUCKET), ("AWS::KMS::Key", "key")], Serving=[])
    environment = Environment(Settings(), session, say=lambda _: None, clients={"cloudformation": stacks})
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=BUCKET, Key="transactions/day=2026-01-01/a.parquet", Body=body)
    s3.delete_object(Bucket=BUCKET, Key="transactions/day=2026-01-01/a.parquet")
    sagemaker = session.client("sagemaker")
    for name in ("card-fraud-dev-run", "card-fraud-prod-run", "others"):
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)
        variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    logs = session.client("logs")
    for group in (
        JOB_LOG_GROUPS[0],
        "/aws/sagemaker/Endpoints/card-fraud-dev",
        "/aws/sagemaker/Endpoints/card-fraud-dev-2",
    ):
        logs.create_log_group(logGroupName=group)
    # trials of a tuning job of settings that were
    streams = ("fraud-dev-nightly-1/algo-1", "fraud-dev-tune-1-001-0a/algo-1", "fraud-prod-nightly-1/algo-1", "others")
    for stream in streams:
        logs.create_log_stream(logGroupName=JOB_LOG_GROUPS[0], logStreamName=stream)
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": OFFLINE_DATABASE})
    for table in ("cc_agg_batch_fg_1700000000", "others"):
        glue.create_table(DatabaseName=OFFLINE_DATABASE, TableInput={"Name": table})
    return environment


class Cdk:
    """The CDK tool, of which as much is kept as is asked of it."""

    def __init__(self, environment: Environment, *, deletes: bool) -> None:
        self.environment, self.deletes = environment, deletes
        self.asked: list[list[str]] = []

    def __call__(self, arguments: list[str]) -> None:
        self.asked.append(arguments)
        if self.deletes:
            self.environment.client("cloudformation").standing.clear()


LEFT = {
    f"bucket {BUCKET}",
    "model card-fraud-dev-run",
    "endpoint configuration card-fraud-dev-run",
    "log group /aws/sagemaker/Endpoints/card-fraud-dev",
    f"log stream {JOB_LOG_GROUPS[0]}:fraud-dev-nightly-1/algo-1",
    f"log stream {JOB_LOG_GROUPS[0]}:fraud-dev-tune-1-001-0a/algo-1",
    "table cc_agg_batch_fg_1700000000",
}


def test_all_that_is_left_is_named_and_nothing_of_others(deployed: Environment) -> None:
    cdk = Cdk(deployed, deletes=True)
    assert set(teardown(deployed, lambda _: "dev", cdk)) == LEFT
    assert cdk.asked == [["destroy", "--force", "--all"]]


def test_stacks_that_stand_still_are_named(deployed: Environment) -> None:
    left = teardown(deployed, lambda _: "dev", Cdk(deployed, deletes=False))
    assert {name for name in left if name.startswith("stack")} == {
        "stack CardFraud-Dev-Serving",
        "stack CardFraud-Dev-Data",
    }


def test_the_question_says_how_much_data_is_lost(deployed: Environment) -> None:
    said: list[str] = []
    deployed.say = said.append
    cdk = Cdk(deployed, deletes=True)
    with pytest.raises(TeardownError, match="nothing was deleted"):
        teardown(deployed, lambda question: "yes" if "Type dev" in question else "", cdk)
    assert said == [f"{BUCKET}: 3 objects"]
    assert cdk.asked == []


def test_what_is_kept_on_purpose_is_not_deleted(deployed: Environment) -> None:
    deployed.client("cloudformation").protected.add("CardFraud-Dev-Data")
    cdk = Cdk(deployed, deletes=True)
    with pytest.raises(TeardownError, match=r"CardFraud-Dev-Data: protected, .* removal=destroy"):
        teardown(deployed, lambda _: "dev", cdk)
    assert cdk.asked == []


def test_an_environment_that_is_not_there_has_nothing_to_lose(session: boto3.Session) -> None:
    environment = Environment(Settings(), session, clients={"cloudformation": Stacks()})
    assert teardown(environment, lambda _: "dev", lambda _: None) == []


def test_a_wrong_setting_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--context", "env=live", "--", "cdk"]) == 1
    assert capsys.readouterr().err == "destroy: env: 'live'; allowed: dev or prod\n"


def test_the_tools_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--context", "env=dev"])
    assert "give it behind --, as: -- npx cdk" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("back_end", ["sagemaker", "fraud-detector"])
def test_deleting_the_batch_takes_the_log_groups_of_crawler_and_job(back_end: str, tmp_path: Path) -> None:
    templates = read_templates(synthesize(tmp_path, env="dev", batch_back_end=back_end))
    batch = {"Batch": templates["Batch"]}
    (left,) = resources(batch, "Custom::Leftovers")
    groups = json.dumps(left.properties["LogGroups"])
    assert groups.count("/aws-glue/jobs-") == 2
    assert groups.count("/aws-glue/crawlers-") == 1
    # what writes to them is gone by then
    writers = list(resources(batch, "AWS::Glue::Job", "AWS::Glue::Crawler"))
    assert len(writers) == 2
    assert all(left.id in writer.body["DependsOn"] for writer in writers)
