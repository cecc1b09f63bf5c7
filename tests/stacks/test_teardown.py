"""Deleting an environment: nothing is left, nothing is deleted unasked, others' things stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from stacks.teardown import JOB_LOGS, OFFLINE_DATABASE, Environment, TeardownError, teardown

ROLE = "arn:aws:iam::123456789012:role/model"
CONTAINER = {"Image": "i", "ModelDataUrl": "s3://models/models/run/model.tar.gz"}
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/model-1"
REGISTRY = "arn:aws:sagemaker:us-east-1:123456789012:model-package/card-fraud-dev"
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
    stacks = Stacks(Data=[("AWS::S3::Bucket", BUCKET)], Serving=[("AWS::SageMaker::Endpoint", ENDPOINT)])
    environment = Environment("dev", session, say=lambda _: None, clients={"cloudformation": stacks})
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
    for group in (JOB_LOGS[0], "/aws/sagemaker/Endpoints/model-1", "/aws/sagemaker/Endpoints/model-10"):
        logs.create_log_group(logGroupName=group)
    for stream in ("fraud-dev-nightly-1/algo-1", "fraud-prod-nightly-1/algo-1", "others"):
        logs.create_log_stream(logGroupName=JOB_LOGS[0], logStreamName=stream)
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": OFFLINE_DATABASE})
    for table in ("cc_agg_batch_fg_1700000000", "others"):
        glue.create_table(DatabaseName=OFFLINE_DATABASE, TableInput={"Name": table})
    return environment


class Cdk:
    """The CDK tool: deletes stacks, and keeps what it was asked."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.asked: list[list[str]] = []

    def __call__(self, arguments: list[str]) -> None:
        self.asked.append(arguments)
        standing = self.environment.client("cloudformation").standing
        if "--all" in arguments:
            self.environment.client("s3").delete_bucket(Bucket=BUCKET)  # raises unless it is empty
            standing.clear()
        else:
            del standing["CardFraud-Dev-Serving"]


def names(environment: Environment) -> set[str]:
    found: Any = environment.client("sagemaker")
    return {each["ModelName"] for each in found.list_models()["Models"]} | {
        each["EndpointConfigName"] for each in found.list_endpoint_configs()["EndpointConfigs"]
    }


def test_nothing_is_left_and_others_things_stay(deployed: Environment) -> None:
    cdk = Cdk(deployed)
    assert teardown(deployed, lambda _: "dev", cdk) == []
    assert [arguments[:2] for arguments in cdk.asked] == [["destroy", "--force"]] * 2
    assert cdk.asked[0][2:] == ["CardFraud-Dev-Features", "CardFraud-Dev-Serving"]
    assert names(deployed) == {"card-fraud-prod-run", "others"}
    streams = deployed.client("logs").describe_log_streams(logGroupName=JOB_LOGS[0])["logStreams"]
    assert {stream["logStreamName"] for stream in streams} == {"fraud-prod-nightly-1/algo-1", "others"}
    groups = deployed.client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Endpoints/")["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/sagemaker/Endpoints/model-10"]
    tables = deployed.client("glue").get_tables(DatabaseName=OFFLINE_DATABASE)["TableList"]
    assert [table["Name"] for table in tables] == ["others"]


def test_the_question_says_how_much_data_is_lost(deployed: Environment) -> None:
    said: list[str] = []
    deployed.say = said.append
    with pytest.raises(TeardownError, match="nothing was deleted"):
        teardown(deployed, lambda question: "yes" if "Type dev" in question else "", Cdk(deployed))
    assert [text.split(": ")[1] for text in said] == ["3 objects"]
    assert sum(deployed.data().values()) == 3
    assert "card-fraud-dev-run" in names(deployed)


def test_what_is_kept_on_purpose_is_not_deleted(deployed: Environment) -> None:
    deployed.client("cloudformation").protected.add("CardFraud-Dev-Data")
    with pytest.raises(TeardownError, match=r"CardFraud-Dev-Data: protected, .* removal=destroy"):
        teardown(deployed, lambda _: "dev", Cdk(deployed))


def test_registered_versions_go_before_the_registry(session: boto3.Session) -> None:
    stacks = Stacks(Training=[("AWS::SageMaker::ModelPackageGroup", "card-fraud-dev")])
    client = session.client("sagemaker")
    version = f"{REGISTRY}/1"
    found = {
        "ModelPackageArn": version,
        "ModelPackageGroupName": "card-fraud-dev",
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
    }
    with Stubber(client) as asked:
        asked.add_response(
            "list_model_packages", {"ModelPackageSummaryList": [found]}, {"ModelPackageGroupName": "card-fraud-dev"}
        )
        asked.add_response("delete_model_package", {}, {"ModelPackageName": version})
        clients = {"cloudformation": stacks, "sagemaker": client}
        Environment("dev", None, say=lambda _: None, clients=clients).empty_registry()
        asked.assert_no_pending_responses()


def test_what_could_not_be_deleted_is_named(deployed: Environment) -> None:
    assert teardown(deployed, lambda _: "dev", lambda _: None) == [
        "stack CardFraud-Dev-Serving",
        "stack CardFraud-Dev-Data",
    ]
