"""Tuning jobs: real training jobs on proposed hyper-parameters, the objective from their logs, and what is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, ref, role, until
from tests.emulator.test_state_machines import IMAGE, PULL, WAITING, ended, machine

METRIC = {"Name": "quality", "Regex": "quality: ([0-9.]+)"}
TRIAL = """
import argparse, json, os, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--eta", type=float)
parser.add_argument("--kind")
parser.add_argument("--mode", default="plain")
given = parser.parse_args()
rows = (Path(os.environ["SM_CHANNEL_TRAIN"]) / "rows").read_text()
if given.mode == "fails":
    sys.exit("no such column")
for step in range(1, 6):
    print("nothing to see" if given.mode == "mute" else f"quality: {(1 - abs(given.eta - .1)) * step / 5:.4f}", flush=True)
    time.sleep(.3 if given.mode == "slow" else 0)
Path(os.environ["SM_MODEL_DIR"], "given").write_text(json.dumps([rows, vars(given)]))
"""


@pytest.fixture(scope="module")
def made(aws: EmulatedAws) -> dict[str, str]:
    """A bucket with a program and rows, and a role of training jobs."""
    return {}


@pytest.fixture
def room(aws: EmulatedAws, deployed: Deployed, made: dict[str, str]) -> dict[str, str]:
    if not made:
        jobs = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/*"
        rule = "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForSageMakerTuningJobsRule"
        acts = ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:DescribeHyperParameterTuningJob"]
        made |= deployed(
            {
                "Bucket": {"Type": "AWS::S3::Bucket"},
                "Job": role(
                    "sagemaker",
                    ("s3:ListBucket", attribute("Bucket", "Arn")),
                    (["s3:GetObject", "s3:PutObject"], {"Fn::Sub": "${Bucket.Arn}/*"}),
                    ("ecr:GetAuthorizationToken", "*"),
                    (PULL, "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
                ),
                "Machine": role("states", (acts, jobs), ("iam:PassRole", attribute("Job", "Arn")), (WAITING, rule)),
            },
            {"bucket": ref("Bucket"), "role": attribute("Job", "Arn"), "machine": attribute("Machine", "Arn")},
        )
        s3 = aws.client("s3")
        s3.put_object(Bucket=made["bucket"], Key="program/trial.py", Body=TRIAL.encode())
        s3.put_object(Bucket=made["bucket"], Key="rows/rows", Body=b"seven")
    return made


def asked(room: dict[str, str], name: str, jobs: int = 4, parallel: int = 1, **static: str) -> dict[str, Any]:
    def channel(of: str, prefix: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{room['bucket']}/{prefix}/"}
        return {"ChannelName": of, "DataSource": {"S3DataSource": source}}

    given = {"sagemaker_program": "trial.py", "sagemaker_submit_directory": "/opt/ml/input/data/program"}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "quality"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {
                "IntegerParameterRanges": [{"Name": "depth", "MinValue": "3", "MaxValue": "9"}],
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
                ],
                "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
            },
            "RandomSeed": 1,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {**given, **static},
            "AlgorithmSpecification": {
                "TrainingInputMode": "File",
                "TrainingImage": IMAGE,
                "MetricDefinitions": [METRIC],
            },
            "RoleArn": room["role"],
            "InputDataConfig": [channel("program", "program"), channel("train", "rows")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{room['bucket']}/out"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "EnableNetworkIsolation": True,
        },
    }


def tuned(aws: EmulatedAws, request: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a tuning job came to, and its training jobs in order."""
    sagemaker, name = aws.client("sagemaker"), request["HyperParameterTuningJobName"]
    sagemaker.create_hyper_parameter_tuning_job(**request)
    return outcome(sagemaker, name), trials(sagemaker, name)


def outcome(sagemaker: Any, name: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return found if found["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping") else None

    found: dict[str, Any] = until(done)
    return found


def trials(sagemaker: Any, name: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    return [
        one
        for page in pages.paginate(HyperParameterTuningJobName=name, MaxResults=2, SortOrder="Ascending")
        for one in page["TrainingJobSummaries"]
    ]


def test_training_jobs_are_run_on_proposals_and_the_best_is_told(aws: EmulatedAws, room: dict[str, str]) -> None:
    found, tried = tuned(aws, asked(room, "plain"))
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert found["TrainingJobStatusCounters"]["Completed"] == len(tried) == 4
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    for one in tried:
        given = one["TunedHyperParameters"]
        assert 3 <= int(given["depth"]) <= 9 and 0.01 <= float(given["eta"]) <= 0.3 and given["kind"] in ("a", "b")
        told = one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        assert told == pytest.approx(1 - abs(float(given["eta"]) - 0.1), abs=1e-4)  # the last that its log has
    best = max(tried, key=lambda one: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
    assert found["BestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert found["BestTrainingJob"]["TunedHyperParameters"] == best["TunedHyperParameters"]
    # of a job that goes on from others alone
    assert "OverallBestTrainingJob" not in found
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert job["TuningJobArn"] == found["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "quality"
    # the program got them as options, the rows as a channel, and nothing that is the container's own
    body = aws.client("s3").get_object(
        Bucket=room["bucket"], Key=f"out/{best['TrainingJobName']}/output/model.tar.gz"
    )["Body"].read()  # fmt: skip
    assert body
    same = tuned(aws, asked(room, "again"))[1]
    assert [one["TunedHyperParameters"] for one in same] == [one["TunedHyperParameters"] for one in tried]


def test_so_many_run_at_once_as_are_asked_for_and_no_more(aws: EmulatedAws, room: dict[str, str]) -> None:
    tried = tuned(aws, asked(room, "two", jobs=4, parallel=2, mode="slow"))[1]
    times = [(one["TrainingStartTime"], one["TrainingEndTime"]) for one in tried]
    at_once = max(sum(begun <= moment < end for begun, end in times) for moment, _ in times)
    assert at_once == 2


def test_one_that_is_worse_is_stopped_early_where_that_is_asked_for(aws: EmulatedAws, room: dict[str, str]) -> None:
    request = asked(room, "early", jobs=6, mode="slow")
    request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = "Auto"
    # what is worst by far comes late enough for others to have completed
    ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    ranges["ContinuousParameterRanges"] = [
        {"Name": "eta", "MinValue": "0.1", "MaxValue": "1.0", "ScalingType": "Linear"}
    ]
    found, tried = tuned(aws, request)
    statuses = [one["TrainingJobStatus"] for one in tried]
    assert found["HyperParameterTuningJobStatus"] == "Completed", (found, tried)
    assert statuses[0] == "Completed" and "Stopped" in statuses and set(statuses) == {"Completed", "Stopped"}
    best = found["BestTrainingJob"]["TrainingJobName"]
    assert next(one for one in tried if one["TrainingJobName"] == best)["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("mode", "jobs", "ran", "says"),
    [
        ("mute", 9, 5, "No objective metrics found after running 5 training jobs"),
        ("fails", 9, 5, "No training job succeeded after 5 attempts"),
        ("fails", 2, 2, "No training job succeeded after 2 attempts"),
    ],
)
def test_one_that_comes_to_nothing_has_failed_and_says_why(
    aws: EmulatedAws, room: dict[str, str], mode: str, jobs: int, ran: int, says: str
) -> None:
    found, tried = tuned(aws, asked(room, f"none-{mode}-{jobs}", jobs=jobs, mode=mode))
    assert found["HyperParameterTuningJobStatus"] == "Failed" and says in found["FailureReason"]
    assert "BestTrainingJob" not in found and len(tried) == ran
    assert {one["ObjectiveStatus"] for one in tried} == {"Failed"}
    assert {one["TrainingJobStatus"] for one in tried} == {"Completed" if mode == "mute" else "Failed"}


def test_one_that_is_stopped_takes_its_training_jobs_with_it(aws: EmulatedAws, room: dict[str, str]) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**asked(room, "stopped", jobs=20, mode="slow"))
    until(lambda: trials(sagemaker, "stopped"))
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    assert outcome(sagemaker, "stopped")["HyperParameterTuningJobStatus"] == "Stopped"
    assert trials(sagemaker, "stopped")[-1]["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="stopped is not running"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
    listed = sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="Stopped", NameContains="stopped")
    assert [one["HyperParameterTuningJobName"] for one in listed["HyperParameterTuningJobSummaries"]] == ["stopped"]


@pytest.mark.parametrize("mode", ["plain", "fails"])
def test_a_state_machine_waits_for_it(aws: EmulatedAws, room: dict[str, str], deployed: Deployed, mode: str) -> None:
    states = {
        "Tune": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync",
            "Parameters": asked(room, f"waited-{mode}", jobs=2, mode=mode),
            "End": True,
        }
    }
    one = machine(states)
    one["Properties"]["RoleArn"] = room["machine"]
    found = ended(aws, deployed({"States": one}, {"machine": ref("States")})["machine"])
    if mode == "plain":
        assert found["status"] == "SUCCEEDED", found
        assert json.loads(found["output"])["BestTrainingJob"]["TunedHyperParameters"].keys() == {"depth", "eta", "kind"}
    else:
        assert found["status"] == "FAILED" and "No training job succeeded" in found["cause"]


def at(given: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The request with another value at a path; None: without it."""
    made = copy.deepcopy(given)
    *before, last = path.split(".")
    place: Any = made
    for part in before:
        place = place[int(part) if part.isdigit() else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


CONFIG, JOB = "HyperParameterTuningJobConfig", "TrainingJobDefinition"
RANGES = f"{CONFIG}.ParameterRanges"
WRONG = [
    ("HyperParameterTuningJobName", "x" * 33, "32"),
    ("HyperParameterTuningJobName", "under_scored", "allowed: "),
    (f"{CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs", None, "needed with the strategies"),
    (f"{CONFIG}.ResourceLimits.MaxParallelTrainingJobs", 5, "is more than MaxNumberOfTrainingJobs, 4"),
    (f"{CONFIG}.Strategy", "Grid", "not implemented here"),
    (f"{CONFIG}.HyperParameterTuningJobObjective.MetricName", "loss", "A metric is required"),
    (f"{CONFIG}.HyperParameterTuningJobObjective", None, "A metric is required"),
    (f"{RANGES}.IntegerParameterRanges.0.MinValue", "9", "MinValue 9 is not below MaxValue 9"),
    (f"{RANGES}.IntegerParameterRanges.0.MinValue", "3.5", "are no integers"),
    (f"{RANGES}.IntegerParameterRanges.0.Name", "eta", "eta is given twice"),
    (f"{RANGES}.IntegerParameterRanges.0.Name", "sagemaker_program", "is given twice"),
    (f"{RANGES}.IntegerParameterRanges.0.ScalingType", "ReverseLogarithmic", "reverse logarithmic scaling works only"),
    (
        f"{RANGES}.ContinuousParameterRanges.0.MinValue",
        "0",
        "logarithmic scaling works only for ranges .* greater than 0",
    ),
    (f"{RANGES}.ContinuousParameterRanges.0.MaxValue", "much", "are no numbers"),
    (f"{RANGES}.ContinuousParameterRanges.0.MaxValue", "1_000", "are no numbers"),
    (f"{RANGES}.ContinuousParameterRanges.0.MaxValue", " 1", "are no numbers"),
    (
        f"{JOB}.TuningObjective",
        {"Type": "Maximize", "MetricName": "quality"},
        "TuningObjective is not implemented here",
    ),
    (
        f"{JOB}.HyperParameterTuningResourceConfig",
        {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "HyperParameterTuningResourceConfig is not implemented here",
    ),
    (f"{RANGES}.ContinuousParameterRanges.0.ScalingType", "Log", "Logarithmic"),
    (RANGES, {"IntegerParameterRanges": []}, "no hyper-parameter to tune"),
    (f"{JOB}.AlgorithmSpecification.MetricDefinitions.0.Regex", "quality: .*", "has no group"),
    (f"{JOB}.AlgorithmSpecification.MetricDefinitions.0.Regex", "quality: (", "is none"),
    (f"{JOB}.ResourceConfig", None, "a ResourceConfig or"),
    (JOB, None, "needs one"),
]


@pytest.mark.parametrize(("path", "value", "says"), WRONG, ids=[f"{path} {value!r}"[-60:] for path, value, _ in WRONG])
def test_what_the_service_refuses_is_refused(
    aws: EmulatedAws, room: dict[str, str], path: str, value: Any, says: str
) -> None:
    sagemaker = aws.client("sagemaker")
    with pytest.raises(ClientError, match=says):
        sagemaker.create_hyper_parameter_tuning_job(**at(asked(room, "refused"), path, value))
    named = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="refused")
    assert named["HyperParameterTuningJobSummaries"] == []


def test_a_name_is_taken_once(aws: EmulatedAws, room: dict[str, str]) -> None:
    tuned(aws, asked(room, "once", jobs=1))
    with pytest.raises(ClientError, match="ResourceInUse"):
        aws.client("sagemaker").create_hyper_parameter_tuning_job(**asked(room, "once", jobs=1))
