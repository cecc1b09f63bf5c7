"""Jobs: whatever goes wrong ends them, one that is told to stop is never Completed, and no one waits for ever."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import tasks
from emulator.sagemaker.containers import Acting, container
from emulator.sagemaker.jobs import Jobs
from emulator.tasks import TaskFailedError, Tasks
from tests.emulator.conftest import until

UNUSED: Any = None
IMAGE = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"}


def place(kind: str) -> dict[str, Any]:
    return {f"S3{kind}": {"S3Uri": "s3://data/in", "LocalPath": f"/opt/ml/processing/{kind}"}, f"{kind}Name": "in"}


class Ran:
    """A job whose container and S3 are stood in for, and what came of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs, self.reached, self.go_on = Jobs(folder, UNUSED, UNUSED, {}, {}), threading.Event(), threading.Event()
        self.uploads = 0
        monkeypatch.setattr(Acting, "pull", lambda *_: Path("python3"))
        monkeypatch.setattr(Acting, "download", lambda *_: None)
        monkeypatch.setattr(Acting, "upload", self._upload)
        monkeypatch.setattr(self.jobs, "_run", lambda *_: None)

    def waiting(self, *_: Any) -> None:
        """Says that it is here, and goes on when it is let."""
        self.reached.set()
        assert self.go_on.wait(5)

    def create(self, specification: dict[str, Any]) -> None:
        self.jobs.create_processing_job(
            ProcessingJobName="job",
            RoleArn="role",
            AppSpecification=specification,
            ProcessingInputs=[place("Input")],
            ProcessingOutputConfig={"Outputs": [place("Output")]},
        )

    def end(self) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            found = self.jobs.describe_processing_job("job")
            return found if found["ProcessingJobStatus"] not in ("InProgress", "Stopping") else None

        return dict(until(ended, 5))

    def _upload(self, *_: Any) -> None:
        self.uploads += 1


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    monkeypatch.setattr("emulator.sagemaker.jobs.container", lambda *_, **__: None)
    return Ran(tmp_path, monkeypatch)


def test_a_job_without_a_program_fails_and_says_so(ran: Ran) -> None:
    ran.create(IMAGE)
    found = ran.end()
    assert found["ProcessingJobStatus"] == "Failed"
    assert "only processing jobs with a ContainerEntrypoint" in found["FailureReason"]


def test_a_job_fails_with_whatever_goes_wrong(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def torn(*_: Any) -> None:
        raise EOFError("the archive is torn")

    monkeypatch.setattr(Acting, "download", torn)
    with caplog.at_level(logging.ERROR):
        ran.create(IMAGE | {"ContainerEntrypoint": ["python3"]})
        found = ran.end()
    assert (found["ProcessingJobStatus"], found["FailureReason"]) == ("Failed", "EOFError: the archive is torn")
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(("phase", "uploads"), [("download", 0), ("upload", None)])
def test_a_job_that_is_stopped_while_data_come_or_go_is_stopped(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, phase: str, uploads: int | None
) -> None:
    monkeypatch.setattr(Acting, phase, ran.waiting)
    ran.create(IMAGE | {"ContainerEntrypoint": ["python3"]})
    assert ran.reached.wait(5)
    ran.jobs.stop_processing_job("job")
    ran.go_on.set()
    assert ran.end()["ProcessingJobStatus"] == "Stopped"
    if uploads is not None:
        assert ran.uploads == uploads


@pytest.mark.parametrize(
    ("variables", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")], ids=["its-own", "told"]
)
def test_threads_of_a_container_wait_without_spinning_where_it_does_not_say_how(
    tmp_path: Path, variables: dict[str, str], policy: str
) -> None:
    program = ["python3", "-c", "import os; print(os.environ['OMP_WAIT_POLICY'])"]
    process = container("said", program, variables, UNUSED, tmp_path, Path(sys.executable), isolated=True)
    with process:
        assert process.wait(20) == 0
    assert process.log_tail() == policy


def test_a_job_that_is_waited_for_no_longer_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[tuple[str, str], str]] = []

    def answer(role: tuple[str, str], _service: str, operation: str, _given: Any) -> dict[str, Any]:
        calls.append((role, operation))
        return {"TrainingJobStatus": "InProgress"}

    class Sessions:
        def open_session(self, *_: str) -> dict[str, str]:
            return {"AWS_ACCESS_KEY_ID": "key"}

    judge: Callable[..., None] = lambda *_: None  # noqa: E731
    sessions: Any = Sessions()
    waiting = Tasks(sessions, judge)
    monkeypatch.setattr(waiting, "_call", answer)
    monkeypatch.setattr(waiting, "_raw_call", answer)
    monkeypatch.setattr(tasks, "SLACK_S", 0.1)
    given = {"TrainingJobName": "slow", "StoppingCondition": {"MaxRuntimeInSeconds": 0}}
    with pytest.raises(TaskFailedError, match=r"slow had not ended after 0.1 s"):
        waiting("machine", "arn:aws:states:::sagemaker:createTrainingJob.sync", given)
    assert [operation for _, operation in calls][0::len(calls) - 1] == ["CreateTrainingJob", "StopTrainingJob"]  # fmt: skip
    assert {role for role, _ in calls} == {("machine", "states")}
