"""What a release changes of the model's endpoint: nothing, unless a setting of it changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks import assets
from stacks.asset_cache import ROOT
from stacks.constructs import first_model, functions
from stacks.data import Data
from stacks.serving import Serving
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import context, read_templates

pytestmark = pytest.mark.slow

SERVING = ROOT / "sagemaker_src" / "serving"
Template = dict[str, dict[str, Any]]


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Template]:
    """The resources of the stack Serving of a release with these settings."""
    monkeypatch.setenv("CDK_VALIDATION", "false")  # the whole application's templates are validated elsewhere

    def synthesized(number: int, **settings: Any) -> Template:
        app = cdk.App(context=context(**settings), outdir=str(tmp_path / f"release-{number}"))
        given = read_settings(app.node.get_all_context())
        Serving(app, given, data=Data(app, given))
        app.synth()
        return read_templates(tmp_path / f"release-{number}")["Serving"]["Resources"]

    return synthesized


@pytest.fixture
def everything_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the next release bring another first model, another program that serves it, and other code of its function."""

    def change() -> None:
        code = shutil.copytree(assets.function_code("first_model"), tmp_path / "code")
        (code / "changed.py").touch()
        serving = shutil.copytree(SERVING, tmp_path / "serving")
        for file in (serving / "bootstrap" / "manifest.json", serving / "inference.py"):
            file.write_text(file.read_text() + "\n")
        monkeypatch.setattr(first_model, "_SERVING", serving)
        monkeypatch.setattr(functions, "function_code", lambda _: code)

    return change


def changed(before: Template, after: Template) -> set[str]:
    """The types of the resources that a deployment would change."""
    names = before.keys() | after.keys()
    return {str({**before, **after}[name]["Type"]) for name in names if before.get(name) != after.get(name)}


def test_another_release_leaves_the_endpoint_as_it_is(
    release: Callable[..., Template], everything_changed: Callable[[], None]
) -> None:
    before = release(1, env="prod")
    everything_changed()
    after = release(2, env="prod")
    # the policy is the function's: of the archive that it may read
    assert changed(before, after) == {"Custom::FirstModel", "AWS::Lambda::Function", "AWS::IAM::Policy"}
    policies = {name for name, one in after.items() if one["Type"] == "AWS::IAM::Policy" and one != before[name]}
    assert [name.startswith("ModelFirstFunctions") for name in policies] == [True]


def test_a_setting_of_the_endpoint_changes_it_but_not_its_first_model(release: Callable[..., Template]) -> None:
    before = release(1, env="dev")
    after = release(2, env="dev", endpoint_instance_type="ml.m5.large")
    assert changed(before, after) == {"AWS::SageMaker::EndpointConfig"}


def test_the_endpoint_gets_the_copy_once_it_is_there(release: Callable[..., Template]) -> None:
    resources = release(1, env="dev")
    [(name, copied)] = [(name, one) for name, one in resources.items() if one["Type"] == "Custom::FirstModel"]
    [model] = [one for one in resources.values() if one["Type"] == "AWS::SageMaker::Model"]
    assert name in model["DependsOn"]
    target = copied["Properties"]["To"]
    url = ["s3://", target["Bucket"], f"/{target['Key']}"]
    assert model["Properties"]["PrimaryContainer"]["ModelDataUrl"] == {"Fn::Join": ["", url]}
