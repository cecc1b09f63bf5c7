"""Tuning before a training: as much of it is deployed as the settings say, over the space that is declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from fraud.search_space import OBJECTIVE, parameter_ranges
from stacks.names import run_prefix
from stacks.settings import read_settings
from tests.stacks.machine_invariants import read_before_assigned
from tests.stacks.stacks_under_test import Templates, read_templates, resources, synthesize
from tests.stacks.test_templates import definitions

STEPS = {"Tune", "Tuned?", "Not tuned", "List trials", "Keep study", "Keep parameters"}
SETTINGS = {"tuning_jobs": 12, "tuning_parallel": 3}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return read_templates(synthesize(tmp_path_factory.mktemp("out"), env="dev", **SETTINGS))


def training(templates: Templates) -> dict[str, Any]:
    states: dict[str, Any] = definitions(templates)["Training"]["States"]
    return states


def test_nothing_is_tuned_unless_settings_say_so(dev: Templates) -> None:
    assert not STEPS & training(dev).keys()
    assert "createhyperparametertuningjob" not in json.dumps(dev["Training"]).lower()


def test_a_tuning_job_comes_before_training_over_the_declared_space(tuned: Templates) -> None:
    states = training(tuned)
    assert states.keys() >= STEPS
    assert states["Training set"]["Next"] == "Tune" and states["Keep parameters"]["Next"] == "Train"
    given = states["Tune"]["Arguments"]
    config, job = given["HyperParameterTuningJobConfig"], given["TrainingJobDefinition"]
    assert config["ParameterRanges"] == parameter_ranges()
    assert config["TrainingJobEarlyStoppingType"] == "Auto"
    limits = config["ResourceLimits"]
    # whoever waits for it waits longer than it may run
    assert states["Tune"].get("TimeoutSeconds", 86_400) > limits["MaxRuntimeInSeconds"]
    assert (limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]) == (12, 3)
    assert [one["Name"] for one in job["AlgorithmSpecification"]["MetricDefinitions"]] == [OBJECTIVE]
    # the longest name that there may be, as the service has it
    assert len(f"{run_prefix(read_settings({'env': 'prod'}), 'tune')}-") + 16 <= 32
    shape = botocore.session.get_session().get_service_model("sagemaker")
    # what refers to another resource is no more than a sign here
    texts = {**given, "TrainingJobDefinition": {**job, "RoleArn": "arn:aws:iam::123456789012:role/trainer"}}
    asked = shape.operation_model("CreateHyperParameterTuningJob").input_shape
    report = ParamValidator().validate(texts, asked)
    assert not report.has_errors(), report.generate_report()
    assert list(read_before_assigned(tuned)) == []


def test_training_takes_what_was_found(tuned: Templates, dev: Templates) -> None:
    given = training(tuned)["Train"]["Arguments"]
    assert given["AlgorithmSpecification"]["ContainerArguments"][-2:] == ["--tuned", "/opt/ml/input/data/tuned"]
    assert "tuned" in [one["ChannelName"] for one in given["InputDataConfig"]]
    assert "tuned" not in [one["ChannelName"] for one in training(dev)["Train"]["Arguments"]["InputDataConfig"]]


def test_what_is_deleted_stops_its_tuning_jobs(tuned: Templates, dev: Templates) -> None:
    for templates, wanted in ((tuned, ["fraud-dev-tune-"]), (dev, None)):
        leftovers = [one.properties for one in resources(templates, "Custom::Leftovers") if one.stack == "Training"]
        assert [one.get("TuningJobs") for one in leftovers] == [wanted]
        # trials' logs may be of settings that were
        assert all("fraud-dev-tune-" in str(one["LogStreams"]) for one in leftovers)


def test_parameters_that_are_set_are_options_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "false")
    given = {"training_parameters": {"max_depth": 7, "eta": 0.05}}
    states = training(read_templates(synthesize(tmp_path, env="dev", **given)))
    arguments = states["Train"]["Arguments"]["AlgorithmSpecification"]["ContainerArguments"]
    at = arguments.index("--eta")
    assert arguments[at : at + 4] == ["--eta", "0.05", "--max-depth", "7"]
