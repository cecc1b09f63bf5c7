"""How a tuning job follows its training jobs, whose logs are made up here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from emulator.errors import AccessDeniedError, ServiceError
from emulator.protocol.service import Router, Service
from emulator.protocol.wire import Request, Wire
from emulator.sagemaker.records import Records
from emulator.sagemaker.services import CONTROL
from emulator.sagemaker.tuning import TuningJobs
from tests.emulator.conftest import until

ROLE = "arn:aws:iam::123456789012:role/trainer"


class MadeUpJobs:
    """Training jobs: one that is not to run has ended when it is begun.

    Args:
        says: the log of each, in the order of their beginning; an error where it cannot be read.
        runs: the numbers of those that run until they are stopped.
    """

    def __init__(self, says: Sequence[str | Exception], runs: Sequence[int] = ()) -> None:
        self.training = Records("training-job", "TrainingJob")
        self._says, self._runs = says, runs

    def create_training_job(self, **given: Any) -> None:
        number = len(self.training.all())
        status = "InProgress" if number in self._runs else "Completed"
        self.training.add(given["TrainingJobName"], {**given, "Number": number, "TrainingJobStatus": status})

    def stop_training_job(self, name: str) -> None:
        record = self.training.get(name)
        if record["TrainingJobStatus"] != "InProgress":
            raise ServiceError("ValidationException", f"{name} is not running")
        record["TrainingJobStatus"] = "Stopped"

    def log(self, name: str) -> str:
        said: str | Exception = self._says[self.training.get(name)["Number"]]
        if isinstance(said, Exception):
            raise said
        return said


def request(name: str, jobs: int, parallel: int = 1, early: str = "Off") -> dict[str, Any]:
    regex = "quality: (\\S+)|quality unknown"
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "quality"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}]},
            "TrainingJobEarlyStoppingType": early,
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "quality", "Regex": regex}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://models/trials"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    }


def tuned(jobs: MadeUpJobs, given: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a tuning job came to, and its training jobs in order."""
    tuning: Any = TuningJobs(jobs)  # type: ignore[arg-type] # no process is one of them
    tuning.create_hyper_parameter_tuning_job(**given)
    name = given["HyperParameterTuningJobName"]

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = tuning.describe_hyper_parameter_tuning_job(name)
        return None if found["HyperParameterTuningJobStatus"] == "InProgress" else found

    found: dict[str, Any] = until(done)
    return found, tuning.list_training_jobs_for_hyper_parameter_tuning_job(name)["TrainingJobSummaries"]


def told(trials: list[dict[str, Any]]) -> Iterator[float | None]:
    for one in trials:
        yield one.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")


def test_what_is_no_number_is_no_value_of_the_objective() -> None:
    says = [
        "quality: nan",
        "quality: 0.5\nquality unknown\nquality: none",
        "quality: inf\nquality: 0.25\nquality: -inf",
    ]
    found, trials = tuned(MadeUpJobs(says), request("numbers", 3))
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert list(told(trials)) == [None, 0.5, 0.25]
    assert found["BestTrainingJob"]["TrainingJobName"] == trials[1]["TrainingJobName"]
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 1}


def test_one_that_fails_by_itself_leaves_no_training_job_running() -> None:
    says: list[str | Exception] = ["quality: 0.5", OSError("the log is gone")]
    found, trials = tuned(MadeUpJobs(says, runs=(0, 1)), request("broken", 2, parallel=2))
    assert (found["HyperParameterTuningJobStatus"], found["FailureReason"]) == ("Failed", "OSError: the log is gone")
    assert [one["TrainingJobStatus"] for one in trials] == ["Stopped"] * len(trials)


def test_a_training_job_is_compared_with_those_that_are_read_to_their_end() -> None:
    # the first is Completed when it is looked at for the first time, with all that it says
    found, trials = tuned(MadeUpJobs(["quality: 0.5", "quality: 0.4"], runs=(1,)), request("early", 2, early="Auto"))
    assert [one["TrainingJobStatus"] for one in trials] == ["Completed", "Stopped"]
    assert found["BestTrainingJob"]["TrainingJobName"] == trials[0]["TrainingJobName"]
    tuning: Any = TuningJobs(jobs := MadeUpJobs(["", "quality: 0.4"], runs=(1,)))  # type: ignore[arg-type]
    record = {**request("half", 2, early="Auto")}
    search = type("Search", (), {"propose": lambda _: {}})()
    record["HyperParameterTuningJobArn"] = "arn"
    half, other = (tuning._begun(record, search, number) for number in (1, 2))
    half.told = [0.9]  # more of its log has yet to be read
    tuning._look(record, other, [half, other])
    assert other.status == "InProgress"
    half.record["ObjectiveStatus"] = "Succeeded"
    tuning._look(record, other, [half, other])
    assert other.status == "Stopped" and len(jobs.training.all()) == 2


def test_they_are_listed_by_their_names() -> None:
    tuning: Any = TuningJobs(MadeUpJobs(["quality: 1"] * 3))  # type: ignore[arg-type]
    for name in ("second", "first"):
        tuning.create_hyper_parameter_tuning_job(**request(name, 1))
    listed = tuning.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    assert [one["HyperParameterTuningJobName"] for one in listed] == ["first", "second"]
    until(lambda: tuning.list_training_jobs_for_hyper_parameter_tuning_job("first")["TrainingJobSummaries"])
    with pytest.raises(ServiceError, match="SortBy FinalObjectiveMetricValue is not implemented here"):
        tuning.list_training_jobs_for_hyper_parameter_tuning_job("first", SortBy="FinalObjectiveMetricValue")


def test_whoever_tunes_may_hand_the_training_jobs_role_on() -> None:
    judged: list[tuple[str, str]] = []

    def judge(_: str, action: str, resource: str, __: Any) -> None:
        judged.append((action, resource))
        if action == "iam:PassRole":
            raise AccessDeniedError(f"not allowed: {action} on {resource}")

    jobs = MadeUpJobs([])
    tuning: Any = TuningJobs(jobs)  # type: ignore[arg-type]
    router = Router([Service(Wire("sagemaker"), (tuning,), CONTROL)], judge)
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/sagemaker/aws4_request, Signature=none",
        "x-amz-target": "SageMaker.CreateHyperParameterTuningJob",
        "content-type": "application/x-amz-json-1.1",
    }
    answer = router(Request("POST", "/", headers, json.dumps(request("passed", 1)).encode(), {}))
    assert answer.status == 403 and f"not allowed: iam:PassRole on {ROLE}" in answer.body.decode()
    assert judged[0][0] == "sagemaker:CreateHyperParameterTuningJob"
    assert jobs.training.all() == []
