"""Stream applications: one that does not start rests and says why, and whoever deploys it is told."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.flink import Applications
from engines.processes import ProcessError
from local import deployment
from local.assembly import Stack
from local.deployment import DeploymentError
from tests.emulator.conftest import until

UNUSED: Any = None


class SlowJob:
    """A stream job that is up once it is let, or ends without."""

    pid = 0

    def __init__(self) -> None:
        self.let, self.killed, self.running = threading.Event(), threading.Event(), False

    def start(self, checkpoint: Path | None) -> None:
        while not self.let.wait(0.01):
            if self.killed.is_set():
                raise ProcessError("Flink ended before it ran all its tasks")
        self.running = True

    def newest_checkpoint(self) -> Path | None:
        return None

    def kill(self) -> None:
        self.killed.set()
        self.running = False

    stop = kill


class Standing:
    """Applications with one, whose job is slow."""

    def __init__(self, folder: Path) -> None:
        self.applications, self.job = Applications(folder, UNUSED, UNUSED, UNUSED, UNUSED), SlowJob()
        self.applications.create_application(ApplicationName="stream", ApplicationDescription="features")

    def shown(self) -> dict[str, Any]:
        return dict(self.applications.describe_application("stream")["ApplicationDetail"])

    def status(self) -> str:
        return str(self.shown()["ApplicationStatus"])


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    one = Standing(tmp_path)
    yield one
    one.job.killed.set()
    one.applications.stop()


def test_one_whose_properties_cannot_be_read_rests_and_says_why(
    standing: Standing, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        standing.applications.start_application("stream")
        until(lambda: standing.status() == "READY", 5)
    assert standing.shown()["ApplicationDescription"] == "did not start: KeyError: 'ApplicationConfiguration'"
    assert "Traceback" in caplog.text
    assert not standing.applications.starts.copy()


def test_one_that_starts_after_a_failure_has_its_own_description_again(standing: Standing) -> None:
    standing.applications.start_application("stream")
    until(lambda: standing.status() == "READY", 5)
    standing.applications._jobs["stream"] = standing.job  # type: ignore[assignment]
    standing.job.let.set()
    standing.applications.start_application("stream")
    until(lambda: standing.status() == "RUNNING", 5)
    assert standing.shown()["ApplicationDescription"] == "features"
    assert standing.applications.starts.copy() == {"stream": 1}


def test_an_application_takes_its_checkpoints_with_it(standing: Standing, tmp_path: Path) -> None:
    checkpoint = tmp_path / "stream" / "job" / "checkpoints" / "1" / "chk-1"
    checkpoint.mkdir(parents=True)
    standing.applications.delete_application("stream")
    assert not checkpoint.exists()


def test_one_that_starts_is_stopped_by_force(standing: Standing) -> None:
    standing.applications._jobs["stream"] = standing.job  # type: ignore[assignment]
    standing.applications.start_application("stream")
    standing.applications.stop_application("stream", Force=True)
    assert standing.shown() | {"ApplicationStatus": "READY", "ApplicationDescription": "features"} == standing.shown()
    standing.job.let.set()
    assert not standing.job.running


CONFIGURATION: dict[str, Any] = {
    "ApplicationCodeConfiguration": {"CodeContent": {"S3ContentLocation": {"BucketARN": "b", "FileKey": "old.zip"}}},
    "EnvironmentProperties": {"PropertyGroups": [{"PropertyGroupId": "Kafka", "PropertyMap": {"partitions": "4"}}]},
    "FlinkApplicationConfiguration": {"ParallelismConfiguration": {"Parallelism": 1, "ParallelismPerKPU": 1}},
}
UPDATE = {
    "ApplicationCodeConfigurationUpdate": {
        "CodeContentUpdate": {"S3ContentLocationUpdate": {"FileKeyUpdate": "new.zip"}}
    },
    "EnvironmentPropertyUpdates": {"PropertyGroups": []},
    "FlinkApplicationConfigurationUpdate": {"ParallelismConfigurationUpdate": {"ParallelismUpdate": 2}},
}
UPDATED = {
    "ApplicationCodeConfiguration": {"CodeContent": {"S3ContentLocation": {"BucketARN": "b", "FileKey": "new.zip"}}},
    "EnvironmentProperties": {"PropertyGroups": []},
    "FlinkApplicationConfiguration": {"ParallelismConfiguration": {"Parallelism": 2, "ParallelismPerKPU": 1}},
}


def configured(standing: Standing) -> dict[str, Any]:
    application = standing.applications._applications["stream"]
    application.update(
        ApplicationConfiguration=CONFIGURATION, ServiceExecutionRole="role", RuntimeEnvironment="FLINK-2_2"
    )
    return application


def test_an_update_replaces_what_it_names_and_the_version_counts(standing: Standing) -> None:
    application = configured(standing)
    standing.applications.update_application("stream", 1, ApplicationConfigurationUpdate=UPDATE)
    assert application["ApplicationConfiguration"] == UPDATED
    assert (standing.status(), standing.shown()["ApplicationVersionId"]) == ("READY", 2)
    with pytest.raises(ServiceError, match="has version 2, not 1"):
        standing.applications.update_application("stream", 1)
    with pytest.raises(ServiceError, match="an update of Other is not implemented here"):
        standing.applications.update_application("stream", 2, ApplicationConfigurationUpdate={"Other": {}})


def test_a_running_job_goes_on_from_its_newest_checkpoint_with_what_is_new(
    standing: Standing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured(standing)
    standing.applications._jobs["stream"] = standing.job  # type: ignore[assignment]
    standing.job.let.set()
    standing.applications.start_application("stream")
    until(lambda: standing.status() == "RUNNING", 5)
    begun: list[Path | None] = []
    further = SlowJob()
    monkeypatch.setattr(further, "newest_checkpoint", lambda: tmp_path)
    monkeypatch.setattr(further, "start", begun.append)
    monkeypatch.setattr(standing.applications, "_job", lambda name, application: further)
    standing.applications.update_application("stream", 1, ApplicationConfigurationUpdate=UPDATE)
    assert not standing.job.running
    until(lambda: standing.status() == "RUNNING", 5)
    assert begun == [tmp_path]


STACK = Stack(
    "Streaming",
    json.dumps(
        {
            "Resources": {
                "Job": {
                    "Type": "AWS::KinesisAnalyticsV2::Application",
                    "Properties": {"ApplicationDescription": "features"},
                }
            }
        }
    ),
    (),
    (),
)


class Told:
    """The services as `deploy` asks them, with an application that is described so, one answer after the other."""

    def __init__(self, *answers: tuple[str, str]) -> None:
        self._answers = list(answers)

    def __call__(self, _: str) -> Told:
        return self

    def describe_stack_resources(self, **_: Any) -> dict[str, Any]:
        kind = "AWS::KinesisAnalyticsV2::Application"
        return {"StackResources": [{"LogicalResourceId": "Job", "ResourceType": kind, "PhysicalResourceId": "job-1"}]}

    def describe_application(self, **_: Any) -> dict[str, Any]:
        status, description = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return {"ApplicationDetail": {"ApplicationStatus": status, "ApplicationDescription": description}}


def test_a_deployment_waits_for_an_application_that_starts_and_leaves_one_at_rest() -> None:
    deployment._wait_for_applications(STACK, Told(("STARTING", "features"), ("RUNNING", "features")))
    deployment._wait_for_applications(STACK, Told(("READY", "features")))


def test_a_deployment_fails_with_an_application_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Told(("STARTING", "features"), ("READY", "did not start: no jar"))
    with pytest.raises(DeploymentError, match=r"Streaming: Job \(.*Application\): did not start: no jar"):
        deployment._wait_for_applications(STACK, failed)
    monkeypatch.setattr(deployment, "APPLICATION_TIMEOUT_S", 0.2)
    with pytest.raises(DeploymentError, match=r"Job .* had not started after 0.2 s"):
        deployment._wait_for_applications(STACK, Told(("STARTING", "features")))
