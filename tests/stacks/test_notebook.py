"""The notebook instance: private, without root, encrypted, of an image that still starts, and stopped when nobody works on it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from stacks.assets import walk_through
from stacks.notebook import stop_when_idle
from stacks.notebook.stop_when_idle import idle_minutes
from stacks.settings import SettingsError, read_settings
from tests.stacks.stacks_under_test import Templates, context, read_templates, resources

SCRIPT_LIMIT = 16_384
"""Page API_NotebookInstanceLifecycleHook."""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """With the notebook, and with all validation, cdk-nag's rules for notebooks among it."""
    from app import build_app  # noqa: PLC0415 - importing CDK takes seconds

    folder = tmp_path_factory.mktemp("notebook")
    build_app(context(notebook=True, nat=True), str(folder / "out"), wheels=False).synth()
    return read_templates(folder / "out")


def the_one(templates: Templates, kind: str) -> dict[str, Any]:
    (found,) = resources(templates, kind)
    return found.properties


def test_it_is_private_encrypted_and_without_root(templates: Templates) -> None:
    instance = the_one(templates, "AWS::SageMaker::NotebookInstance")
    assert instance["DirectInternetAccess"] == "Disabled"
    assert instance["RootAccess"] == "Disabled"
    assert instance["PlatformIdentifier"] == "notebook-al2023-v1"
    assert instance["InstanceMetadataServiceConfiguration"] == {"MinimumInstanceMetadataServiceVersion": "2"}
    assert instance["KmsKeyId"]
    assert instance["SubnetId"]
    assert len(instance["SecurityGroupIds"]) == 1
    groups = list(resources({"Synthesis": templates["Synthesis"]}, "AWS::EC2::SecurityGroup"))
    assert [one.properties.get("SecurityGroupIngress") for one in groups] == [None]


def test_it_may_stop_itself_and_no_other(templates: Templates) -> None:
    name = the_one(templates, "AWS::SageMaker::NotebookInstance")["NotebookInstanceName"]
    policies = [one for one in resources(templates, "AWS::IAM::Policy") if one.id.startswith("NotebookRole")]
    statements = [each for one in policies for each in one.properties["PolicyDocument"]["Statement"]]
    (stopping,) = [each for each in statements if "StopNotebookInstance" in json.dumps(each)]
    assert json.dumps(stopping["Resource"]).endswith(f':notebook-instance/{name}"]]}}')


def script(templates: Templates) -> str:
    """What it runs when it starts; what only a deployment knows is written as `?`."""
    content = the_one(templates, "AWS::SageMaker::NotebookInstanceLifecycleConfig")["OnStart"][0]["Content"]
    parts = content["Fn::Base64"]
    parts = parts["Fn::Join"][1] if isinstance(parts, dict) else [parts]
    return "".join(part if isinstance(part, str) else "?" * 20 for part in parts)


def test_its_script_is_whole_and_within_the_limit(templates: Templates, tmp_path: Path) -> None:
    text = script(templates)
    assert "@" not in text.replace("@REGION@", "")
    assert len(base64.b64encode(text.encode())) <= SCRIPT_LIMIT
    (tmp_path / "on_start.sh").write_text(text)
    assert subprocess.run(["bash", "-n", str(tmp_path / "on_start.sh")], check=False).returncode == 0
    assert "stop_when_idle.py 60" in text


def test_the_walk_through_and_all_that_it_imports_is_there() -> None:
    folder = walk_through()
    assert (folder / "synthetic-fraud.ipynb").is_file()
    assert (folder / "sagemaker_src" / "synthesis" / "page" / "templates").is_dir()
    assert (folder / "fraud" / "card_numbers.txt").is_file()
    assert not list(folder.rglob("*.pyc"))


def test_without_a_way_out_it_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"notebook \(true\).*allowed: notebook=true with nat=true and synthesis=true"
    ):
        read_settings({"notebook": True})
    with pytest.raises(SettingsError, match=r"notebook"):
        read_settings({"notebook": True, "nat": True, "synthesis": False})


def test_whoever_starts_the_kernel_can_read_what_was_unpacked(templates: Templates, tmp_path: Path) -> None:
    """What `unzip` makes of an entry without a mode, as the archives have them, is root's own."""
    (tmp_path / "wheels").mkdir(mode=0o700)
    (tmp_path / "wheels" / "a.whl").touch(mode=0o600)
    (line,) = [line for line in script(templates).splitlines() if line.startswith("chmod")]
    subprocess.run(["bash", "-c", line.replace("/opt/card-fraud", str(tmp_path))], check=True)
    assert (tmp_path / "wheels").stat().st_mode & 0o055 == 0o055
    assert (tmp_path / "wheels" / "a.whl").stat().st_mode & 0o044 == 0o044


def test_a_server_that_does_not_answer_has_been_idle_since_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent(what: str) -> list[Any]:
        raise ConnectionRefusedError(what)

    stopped: list[list[str]] = []
    monkeypatch.setattr(stop_when_idle, "_listed", silent)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: '{"ResourceName": "mine"}')
    monkeypatch.setattr(
        stop_when_idle.subprocess,
        "run",
        lambda command, **_: stopped.append(command) or subprocess.CompletedProcess("", 0),
    )
    monkeypatch.setattr(stop_when_idle.time, "clock_gettime", lambda _: 61 * 60)
    for minutes in (60, 62):
        monkeypatch.setattr(sys, "argv", ["stop_when_idle.py", str(minutes)])
        assert stop_when_idle.main() == 0
    assert [command[-1] for command in stopped] == ["mine"]
    assert "does not answer" in capsys.readouterr().out


def ago(minutes: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("kernels", "terminals", "up", "idle"),
    [
        ([], [], 30, 30),
        ([("idle", 90)], [], 200, 90),
        ([("idle", 90), ("idle", 20)], [], 200, 20),
        ([("idle", 90), ("busy", 80)], [], 200, 0),
        ([("idle", 90)], [5], 200, 5),
        ([("dead", 90)], [], 200, 90),
        # a kernel of before the machine was stopped
        ([("idle", 5000)], [], 3, 3),
    ],
)
def test_it_is_idle_since_the_last_work(
    kernels: list[tuple[str, float]], terminals: list[float], up: float, idle: float
) -> None:
    listed = [{"execution_state": state, "last_activity": ago(age)} for state, age in kernels]
    opened = [{"last_activity": ago(age)} for age in terminals]
    assert idle_minutes(listed, opened, up * 60) == pytest.approx(idle, abs=0.1)
