"""The steps of tuning, played: the program of the trials is tuned by the emulated SageMaker, and training's files are written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest

from emulator.process import EmulatedAws
from fraud.search_space import SPACE, read_parameters
from stacks import bundles
from stacks.asset_cache import ROOT
from stacks.assets import job_runner
from stacks.constructs.remedies import STAYS
from stacks.constructs.state_machine import definition
from stacks.constructs.steps import Step
from stacks.constructs.tuning import Tuning
from stacks.settings import read_settings
from tests.emulator.conftest import until
from tests.emulator.test_state_machines import IMAGE, PULL, WAITING
from tests.sagemaker_src.test_evaluate_model import made_up_rows

ACCOUNT = "123456789012"
BUCKET = "tuned-models"
LONGEST_S = 240
"""Three real trials, on a machine that may have other things to do."""


def made_role(aws: EmulatedAws, name: str, service: str, *allowed: tuple[list[str], list[str]]) -> str:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    statements = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in allowed]
    iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=_policy(*statements))
    return str(made)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="session")
def room(aws: EmulatedAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The roles, and a bucket with the jobs' code, their runner and a training set."""
    folder = tmp_path_factory.mktemp("code")
    with zipfile.ZipFile(folder / "code.zip", "w") as archive:
        for file in bundles.sources(bundles.JOBS["training"]):
            archive.write(file, file.relative_to(ROOT))
    made_up_rows(3_000).to_parquet(folder / "features.parquet")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key, path in {
        "code.zip": folder / "code.zip",
        "runner.py": job_runner(),
        "rows/features.parquet": folder / "features.parquet",
    }.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    objects = f"arn:aws:s3:::{BUCKET}/*"
    verbs = [f"sagemaker:{verb}HyperParameterTuningJob" for verb in ("Create", "Describe", "Stop")]
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTuningJobsRule"
    trainer = made_role(
        aws, "tuning-trainer", "sagemaker",
        (["s3:ListBucket"], [f"arn:aws:s3:::{BUCKET}"]),
        (["s3:GetObject", "s3:PutObject"], [objects]),
        (["ecr:GetAuthorizationToken"], ["*"]),
        (PULL, ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"]),
    )  # fmt: skip
    machine = made_role(
        aws, "tuning-machine", "states",
        (
            [*verbs, "sagemaker:ListTrainingJobsForHyperParameterTuningJob"],
            [f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:hyper-parameter-tuning-job/fraud-dev-tune-*"],
        ),
        (["s3:PutObject"], [f"arn:aws:s3:::{BUCKET}/tuning/*"]),
        (["iam:PassRole"], [trainer]),
        (WAITING, [rule]),
    )  # fmt: skip
    return {"trainer": trainer, "machine": machine}


def played(aws: EmulatedAws, room: dict[str, str], name: str, rows: str) -> dict[str, Any]:
    """A run of the steps alone, over the rows below a prefix."""
    asset: Any = lambda key: SimpleNamespace(s3_object_key=key, s3_object_url=f"s3://{BUCKET}/{key}")  # noqa: E731
    given: dict[str, Any] = {
        "code": SimpleNamespace(code=asset("code.zip"), runner=asset("runner.py")),
        "models": SimpleNamespace(name=BUCKET, uri=lambda prefix: f"s3://{BUCKET}/{prefix}"),
        "trainer": SimpleNamespace(role_arn=room["trainer"]),
    }
    tuning = Tuning(
        settings=read_settings({"tuning_jobs": 3, "tuning_parallel": 2}),
        image=IMAGE,
        resources={
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "EnableNetworkIsolation": True,
        },
        features=f"s3://{BUCKET}/{rows}/",
        key_arn=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/none",
        **given,
    )
    first = Step(assigns={"run": name})
    chain = definition("tuning", {"Run": first, **tuning.steps("Train"), "Train": Step()}, STAYS)
    text = json.dumps(chain).replace(cdk.Aws.PARTITION, "aws").replace(f', "KmsKeyId": "{tuning.key_arn}"', "")
    states = aws.client("stepfunctions")
    arn = states.create_state_machine(name=f"tuning-{name[:8]}", roleArn=room["machine"], definition=text)[
        "stateMachineArn"
    ]
    execution = states.start_execution(stateMachineArn=arn, input="{}")["executionArn"]

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    return dict(until(done, LONGEST_S))


def test_the_best_parameters_and_all_trials_are_written_for_training(
    aws: EmulatedAws, room: dict[str, str], tmp_path: Path
) -> None:
    run = "0f3e9c0a-27d4-4b1e-9d0c-6f0d5c1f2a3b"
    found = played(aws, room, run, "rows")
    assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
    s3 = aws.client("s3")
    for name in ("parameters.json", "study.json"):
        (tmp_path / name).write_bytes(s3.get_object(Bucket=BUCKET, Key=f"tuning/{run}/{name}")["Body"].read())
    chosen = read_parameters(tmp_path / "parameters.json")
    assert chosen.keys() == {each.name for each in SPACE}
    study = json.loads((tmp_path / "study.json").read_text())
    assert study["tuning_job"] == "fraud-dev-tune-0f3e9c0a27d44b1e"
    completed = [one for one in study["trials"] if one["status"] == "Completed"]
    [best] = [one for one in completed if one["name"] == study["best"]]
    # two trials may do equally well
    assert best["average_precision"] == max(one["average_precision"] for one in completed)
    assert len(study["trials"]) == 3
    told = {name.replace("-", "_"): float(value) for name, value in best["parameters"].items()}
    assert told == pytest.approx(chosen)


def test_a_tuning_job_that_fails_ends_the_run_with_its_name_and_reason(aws: EmulatedAws, room: dict[str, str]) -> None:
    found = played(aws, room, "1a3e9c0a-27d4-4b1e-9d0c-6f0d5c1f2a3b", "nothing")
    assert (found["status"], found["error"]) == ("FAILED", "StepFailed")
    assert found["cause"] == (
        'The step "Tune" failed (States.TaskFailed), job fraud-dev-tune-1a3e9c0a27d44b1e: No training job succeeded after 3 '
        f"attempts. Please take a look at the training job failures to get more details. {STAYS}"
    )
