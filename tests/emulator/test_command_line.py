"""AWS's own command line, with nothing but the printed variables: every service is reached here, and nothing elsewhere."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.process import ROOT, EmulatedAws
from local import ledger
from tests.emulator.aws_commands import COMMANDS

RECORDED = {"ApplicationAutoScaling"}
"""Services that answer nothing here: their resources are written down alone."""

ALL_AT_ONCE = """
import contextlib, io, json, shlex, sys
from awscli.clidriver import create_clidriver
for command in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = create_clidriver().main(shlex.split(command) + ["--cli-connect-timeout", "5"])
    print(json.dumps([command, status, said.getvalue()]))
"""


class Outside:
    """The way out of this machine, as a proxy that lets nothing through and counts who asks."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return  # closed
            with connection:
                self.asked.append(connection.recv(1000).partition(b"\r\n")[0].decode())

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def outside() -> Iterator[Outside]:
    one = Outside()
    yield one
    one.close()


def run(commands: list[str], variables: dict[str, str], outside: Outside, home: Path) -> list[tuple[str, int, str]]:
    """(command, exit status, what it said) of each."""
    proxies = {"HTTP_PROXY": outside.address, "HTTPS_PROXY": outside.address, "NO_PROXY": "127.0.0.1"}
    shell = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), **proxies}
    done = subprocess.run(
        [sys.executable, "-c", ALL_AT_ONCE],
        input=json.dumps(commands), env=shell | variables, capture_output=True, text=True, check=True, timeout=250,
    )  # fmt: skip
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def made(aws: EmulatedAws) -> None:
    """One of each kind of SageMaker's, all of one name. Nothing serves, and no program runs."""
    sagemaker, role = aws.client("sagemaker"), "arn:aws:iam::123456789012:role/none"
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/none:1", "ModelDataUrl": "s3://none/model"}
    variant = {"VariantName": "all", "ModelName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    machine = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    sagemaker.create_model(ModelName="main", PrimaryContainer=container, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(EndpointConfigName="main", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="main", EndpointConfigName="main")
    sagemaker.create_model_package_group(ModelPackageGroupName="main")
    sagemaker.create_model_package(ModelPackageGroupName="main")
    sagemaker.create_feature_group(
        FeatureGroupName="main",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    sagemaker.create_training_job(
        TrainingJobName="main",
        AlgorithmSpecification={"TrainingImage": container["Image"], "TrainingInputMode": "File"},
        RoleArn=role,
        OutputDataConfig={"S3OutputPath": "s3://none/out"},
        ResourceConfig=machine,
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    sagemaker.create_processing_job(
        ProcessingJobName="main",
        AppSpecification={"ImageUri": container["Image"]},
        RoleArn=role,
        ProcessingResources={"ClusterConfig": machine},
    )


@pytest.mark.engines
def test_every_service_is_reached_here_and_nothing_elsewhere(
    aws: EmulatedAws, outside: Outside, tmp_path: Path
) -> None:
    made(aws)
    answers = {command: (status, said) for command, status, said in run(
        [command for commands in COMMANDS.values() for command in commands], aws.variables, outside, tmp_path
    )}  # fmt: skip
    assert outside.asked == []
    failed = {
        command: said
        for service, commands in COMMANDS.items()
        for command in commands
        for status, said in [answers[command]]
        if status and service not in RECORDED
    }
    assert failed == {}
    for kind in ("model", "endpoint-config", "endpoint", "feature-group", "model-package-group", "training-job"):
        (found,) = json.loads(answers[f"sagemaker list-{kind}s"][1]).values()
        assert [one for one in found if "main" in one.values()], kind


@pytest.mark.engines
def test_the_address_alone_would_let_queues_leave(aws: EmulatedAws, outside: Outside, tmp_path: Path) -> None:
    """Why the plugin is there, and that leaving is seen."""
    variables = {name: value for name, value in aws.variables.items() if name != "AWS_CONFIG_FILE"}
    run(["sqs list-queues"], variables | {"AWS_MAX_ATTEMPTS": "1"}, outside, tmp_path)
    assert any("queue.amazonaws.com" in one for one in outside.asked)


def test_there_is_a_command_for_each_service_with_a_resource_in_the_stacks() -> None:
    tables: list[Any] = [ledger._WORKERS, ledger._REAL, ledger._EMULATED, ledger._RECORDED]
    kinds = {kind for table in tables for kind in table}
    services = {kind.split("::")[1] for kind in kinds if kind.startswith("AWS::")} - {"CDK"}
    assert services <= COMMANDS.keys()
