"""Each limit of a template's resource, at the limit and one above it, against the running emulation."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.errors import ServiceError
from emulator.limits.guard import check_resource
from emulator.limits.limit import Limit
from emulator.limits.resources import RESOURCES as ROWS
from emulator.limits.units import MIB
from emulator.process import EmulatedAws
from local.deployment import DeploymentError
from tests.emulator.conftest import Deployed, function, ref, role
from tests.emulator.limits_resources_cases import RESOURCES
from tests.emulator.limits_standing import ECHO, name_of

KAFKA = {
    "EventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/main/1",
    "FunctionName": "f",
    "Topics": ["features"],
}
POLLERS = {"MinimumPollers": 1, "MaximumPollers": 2000}
TOO_MANY_AT_LEAST = {"ProvisionedPollerConfig": {"MinimumPollers": 201, "MaximumPollers": 300}}
MAPPING, MACHINE = "AWS::Lambda::EventSourceMapping", "AWS::StepFunctions::StateMachine"
DIRECTLY = {
    (MAPPING, "", "settings of error handling, which provisioned pollers alone take"): [
        KAFKA | {"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1},
        KAFKA | {"MaximumRetryAttempts": 3},
        KAFKA | {"MaximumRecordAgeInSeconds": 600},
        KAFKA | {"BisectBatchOnFunctionError": True},
        KAFKA | {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
    ],
    (MAPPING, "ProvisionedPollerConfig.MaximumPollers", "pollers"): [
        KAFKA | {"ProvisionedPollerConfig": POLLERS, "MaximumRetryAttempts": 3, "BisectBatchOnFunctionError": True},
        KAFKA | {"ProvisionedPollerConfig": POLLERS | {"MaximumPollers": 2001}},
    ],
    (MAPPING, "ProvisionedPollerConfig", "pollers_at_least_above_at_most"): [
        KAFKA | {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 2}},
        KAFKA | {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}},
    ],
    (MACHINE, "DefinitionString", "octets"): [{"DefinitionString": "x" * size} for size in (MIB, MIB + 1)],
}
"""Of rows whose resources a test would need a cluster or a bucket for: the first is allowed, the others are not."""


def test_each_row_has_a_case_and_none_is_there_twice() -> None:
    names = [name_of(row) for row in ROWS]
    assert sorted(names) == sorted(set(names))
    assert set(names) == RESOURCES.keys() | DIRECTLY.keys()


@pytest.fixture
def layer(aws: EmulatedAws) -> None:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 100)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="layers-of-tests")
    s3.put_object(Bucket="layers-of-tests", Key="layer.zip", Body=into.getvalue())


@pytest.mark.parametrize(
    "row", [row for row in ROWS if name_of(row) not in DIRECTLY], ids=lambda row: " ".join(name_of(row))
)
@pytest.mark.usefixtures("layer")
def test_a_resource_is_made_at_the_limit_and_refused_above_it(deployed: Deployed, row: Limit) -> None:
    make = RESOURCES[name_of(row)]
    deployed(make(int(row.most)))
    for size in [row.most + 1, row.least - 1] if row.least > 0 else [row.most + 1]:
        with pytest.raises(DeploymentError, match=rf"{row.code}: .*\({row.page}\)"):
            deployed(make(int(size)))


@pytest.mark.parametrize(
    "row", [row for row in ROWS if name_of(row) in DIRECTLY], ids=lambda row: " ".join(name_of(row))
)
def test_what_is_not_made_here_is_refused_all_the_same(row: Limit) -> None:
    allowed, *refused = DIRECTLY[name_of(row)]
    check_resource(row.of, allowed)
    for properties in refused:
        with pytest.raises(ServiceError, match=rf"{row.code}: .*\({re.escape(row.page)}\)"):
            check_resource(row.of, properties)


@pytest.mark.parametrize(
    ("kind", "properties", "says"),
    [
        (MAPPING, KAFKA | {"BatchSize": 10_001}, "BatchSize: 10001; allowed: 1 to 10000"),
        (MAPPING, KAFKA | {"MaximumBatchingWindowInSeconds": "301"}, "MaximumBatchingWindowInSeconds: 301; allowed: 0 to 300"),
        (MAPPING, KAFKA | TOO_MANY_AT_LEAST, "MinimumPollers: 201; allowed: 1 to 200"),
        ("AWS::Lambda::Function", {"Description": "x" * 257}, "Description: 257 characters; allowed: 0 to 256"),
        ("AWS::Scheduler::Schedule", {"Target": {"RetryPolicy": {"MaximumRetryAttempts": 186}}}, "186; allowed: 0 to 185"),
        ("AWS::CloudWatch::Alarm", {"AlarmActions": ["arn"] * 6}, "AlarmActions: 6 elements; allowed: 0 to 5"),
        ("AWS::IAM::Role", {"RoleName": "x" * 65}, "RoleName: 65 characters; allowed: 1 to 64"),
        ("AWS::DynamoDB::Table", {"TableName": "x" * 1025}, "TableName: 1025 characters; allowed: 1 to 1024"),
    ],
)  # fmt: skip
def test_a_resource_keeps_to_the_model_of_the_operation_that_makes_it(kind: str, properties: Any, says: str) -> None:
    with pytest.raises(ServiceError, match=re.escape(says)):
        check_resource(kind, properties)


def test_a_function_and_its_layers_are_at_most_250_mb_unpacked(aws: EmulatedAws, deployed: Deployed) -> None:
    # page gettingstarted-limits: "the maximum size of the contents of a deployment package, including layers"
    s3, bucket = aws.client("s3"), "unpacked-of-tests"
    s3.create_bucket(Bucket=bucket)
    code = len(ECHO.encode())
    for name, size in {"half": 125 * 1024 * 1024, "fits": 125 * 1024 * 1024 - code, "large": 125 * 1024 * 1024}.items():
        into = io.BytesIO()
        with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", b"\0" * size)
        s3.put_object(Bucket=bucket, Key=f"{name}.zip", Body=into.getvalue())

    def resources(*keys: str) -> dict[str, Any]:
        layers = {
            key.capitalize(): {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"Content": {"S3Bucket": bucket, "S3Key": f"{key}.zip"}},
            }
            for key in keys
        }
        return layers | {
            "Role": role("lambda"),
            "Function": function(ECHO, "Role", Layers=[ref(one) for one in layers]),
        }

    deployed(resources("half", "fits"))
    with pytest.raises(
        DeploymentError, match="InvalidParameterValueException: Unzipped size must be smaller than 262144000"
    ):
        deployed(resources("half", "large"))


def test_an_update_keeps_to_the_limits_too(aws: EmulatedAws, deployed: Deployed) -> None:
    queue = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 900}}}
    deployed(queue)
    name = aws.client("cloudformation").describe_stacks()["Stacks"][0]["StackName"]
    queue["Queue"]["Properties"]["DelaySeconds"] = 901  # type: ignore[index]
    cloudformation = aws.client("cloudformation")
    cloudformation.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": queue}))
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert any("DelaySeconds: 901 seconds; allowed: 0 to 900" in one.get("ResourceStatusReason", "") for one in events)
