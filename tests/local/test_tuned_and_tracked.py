"""The whole training machine with both of its options, on the emulated AWS: it tunes before it trains, and its run is kept at
SageMaker's MLflow."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator.process import ROOT, EmulatedAws
from fraud.search_space import SPACE
from fraud.world import WorldSettings, generate, tokenised
from local.application import Application
from local.assembly import Stack
from local.deployment import deploy
from local.run_reports import denials, write_account
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from local.training import new_champion, start_training
from stacks.constructs.tracking import KEEP_RUN, TRACKED
from stacks.constructs.tuning import STUDIES, TRIALS
from stacks.settings import read_settings
from stacks.teardown import Environment
from tests.local.test_synthesis_machine import bus_alone

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(580)]

PARTS = ("Data", "Serving", "Streaming", "Training")
SETTINGS = {"tuning_jobs": 2, "tuning_parallel": 2, "tracking": "managed", "training_label_delay_days": 1}
ENTERED = [
    *("Training set", "Tune", "Tuned?", "List trials", "Keep study", "Keep parameters", "Train", "Evaluate", "Gate"),
    *(KEEP_RUN, "Accepted?", "Register", "New champion"),
]
"""Of the states of a run those that matter here, in their order."""
OPTIONAL = ("hyper-parameter-tuning", "SageMakerTuning", "mlflow", STUDIES, TRIALS, TRACKED)
"""What the names of that hold which the two options alone need."""
UNUSED_HERE = {
    # no run is stopped by hand here
    ("ModelsMachineRole", "sagemaker:StopHyperParameterTuningJob"),
    # of the emulated server there is no page that shows artifacts
    ("ModelsTrackingRole", "s3:GetObject"),
    ("ModelsTrackingRole", "s3:PutObject"),
}
"""What the options grant beside what this run uses."""


@dataclass
class Standing:
    """The application, as far as the training machine needs it, after a run of it.

    Attributes:
        run: the run's id.
        states: that it has entered, in their order.
        model: the manifest of the model that serves now, as its archive has it.
    """

    aws: EmulatedAws
    stacks: list[Stack]
    application: Application
    run: str
    states: list[str]
    model: dict[str, Any]

    def kept(self, key: str) -> Any:
        """A file of JSON in the bucket of models."""
        return json.loads(self.application.get("ModelsBucket", key))

    def fraud(self, *arguments: str) -> str:
        """What `fraud` says to whoever has the account's credentials."""
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **self.aws.variables,
            # where the plugin of MLflow's client asks, which has no other variable for it
            "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": self.aws.endpoint,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "cli.main", *arguments]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("tuned")
    found = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, SETTINGS)}
    found["Streaming"] = bus_alone(found["Streaming"])
    stacks = [found[part] for part in PARTS]
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy(stacks, aws.client)
        application = Application(aws.client, stacks=PARTS)
        world = generate(WorldSettings(cards=50, days=40, fraud_rate=0.02, seed=3))
        execution = start_training(application, tokenised(world, b"k" * 16).drop_columns("pattern"))
        run = new_champion(application, execution)["run"]
        yield Standing(aws, stacks, application, run, application.steps(execution), serving(application))


def serving(application: Application) -> dict[str, Any]:
    """The manifest of the model behind the endpoint."""
    sagemaker = application.client("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=application.outputs["EndpointName"])
    configuration = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    [variant] = configuration["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
    key = urlsplit(model["ModelDataUrl"]).path.lstrip("/")
    with tarfile.open(fileobj=io.BytesIO(application.get("ModelsBucket", key))) as archive:
        file = archive.extractfile("manifest.json")
        assert file is not None
        return dict(json.load(file))


def tuning_job(standing: Standing) -> dict[str, Any]:
    """The only one that there is."""
    sagemaker = standing.aws.client("sagemaker")
    [listed] = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    name = listed["HyperParameterTuningJobName"]
    return dict(sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))


def numbers(parameters: dict[str, str]) -> dict[str, float]:
    """Hyper-parameters of a training job by the names that models have."""
    return {name.replace("-", "_"): float(value) for name, value in parameters.items()}


def test_the_model_that_serves_was_trained_with_the_best_parameters_of_the_tuning_job(standing: Standing) -> None:
    assert [state for state in standing.states if state in ENTERED] == ENTERED
    job = tuning_job(standing)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    best = numbers(job["BestTrainingJob"]["TunedHyperParameters"])
    assert best.keys() == {each.name for each in SPACE}
    assert {name: standing.model["settings"][name] for name in best} == pytest.approx(best)
    assert standing.kept(f"{STUDIES}{standing.run}/parameters.json") == pytest.approx(best)
    study = standing.model["study"]
    assert study == standing.kept(f"{STUDIES}{standing.run}/study.json")
    assert (study["tuning_job"], study["best"]) == (
        job["HyperParameterTuningJobName"],
        job["BestTrainingJob"]["TrainingJobName"],
    )
    judged = {one["name"]: one["average_precision"] for one in study["trials"] if one["status"] == "Completed"}
    assert len(study["trials"]) == SETTINGS["tuning_jobs"]
    assert max(judged, key=lambda name: judged[name]) == study["best"]
    # no trial leaves a model that is worth its place
    sizes = [
        len(standing.application.get("ModelsBucket", key)) for key in standing.application.keys("ModelsBucket", TRIALS)
    ]
    assert len(sizes) == len(judged) and max(sizes) < 1_000


def test_the_run_is_kept_and_fraud_runs_shows_it(standing: Standing) -> None:
    [listed] = json.loads(standing.fraud("runs", "list", "--env", "dev", "--json"))
    assert (listed["status"], listed["tags"]["fraud.run"]) == ("FINISHED", standing.run)
    shown = json.loads(standing.fraud("runs", "show", listed["id"][:8], "--env", "dev", "--json"))
    evaluation = standing.kept(f"evaluations/{standing.run}/evaluation.json")
    assert {name: float(shown["parameters"][name]) for name in (each.name for each in SPACE)} == pytest.approx(
        {each.name: standing.model["settings"][each.name] for each in SPACE}
    )
    assert shown["metrics"]["average_precision"] == evaluation["metrics"]["average_precision"]
    assert shown["metrics"]["threshold.review"] == standing.model["thresholds"]["review"]
    assert (shown["tags"]["model_version"], shown["tags"]["accepted"]) == (standing.model["model_version"], "true")
    assert shown["files"] == ["evaluation.json"]
    place = urlsplit(f"{shown['artifacts']}/evaluation.json")
    assert place.netloc == standing.application.outputs["ModelsBucket"] and place.path.startswith(f"/{TRACKED}")
    assert standing.kept(place.path.lstrip("/")) == evaluation


def test_each_role_may_do_what_it_does_and_what_the_options_grant_is_used(standing: Standing, tmp_path: Path) -> None:
    _, permissions = write_account(standing.aws, standing.stacks, tmp_path)
    assert denials(permissions) == []
    unused = {
        (role, one["action"])
        for row in permissions
        for one in row["removable"]
        for role in re.findall(r"-(\w+?)[0-9A-F]{8}-", row["role"])
        if any(name in on for on in one["resource"] for name in OPTIONAL)
    }
    assert unused == UNUSED_HERE


def test_nothing_is_left_of_what_is_deleted(standing: Standing) -> None:
    cloudformation = standing.aws.client("cloudformation")
    account = Environment(read_settings(SETTINGS), session=SimpleNamespace(client=standing.aws.client))
    buckets = account.buckets()
    assert {name for name in account.left(buckets) if name.startswith("bucket")} == {
        f"bucket {name}" for name in buckets
    }
    for stack in reversed(standing.stacks):
        cloudformation.delete_stack(StackName=stack.name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
    assert account.left(buckets) == []
    assert standing.aws.client("sagemaker").list_mlflow_tracking_servers()["TrackingServerSummaries"] == []
    assert denials(standing.aws.permissions()) == []
