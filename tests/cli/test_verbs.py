"""Every verb of `fraud`: listed, explained by an example that runs, and refused in a sentence where it is called wrongly."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import VERBS, app, verb
from tests.cli.person_files import fraud

HEAVY = {
    "pandas",
    "numpy",
    "sklearn",
    "xgboost",
    "pyarrow",
    "duckdb",
    "matplotlib",
    "boto3",
    "aws_cdk",
    "confluent_kafka",
}
ORDER = ("demo", "up", "send", "decisions", "down", "world", "evaluate", "features", "train", "replay")
"""First what shows all of it, then the standing application, then the steps on a file of one's own, each after what it needs."""


def _help(name: str) -> str:
    answer = CliRunner().invoke(app, [name, "--help"], prog_name="fraud", terminal_width=300)
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


def test_the_verbs_are_listed_in_the_order_a_newcomer_needs_them() -> None:
    answer = CliRunner().invoke(app, ["--help"], terminal_width=300)
    assert answer.exit_code == 0
    places = [re.search(rf"\b{name}  +{re.escape(line[:40])}", answer.output) for name, line in VERBS.items()]
    assert all(places), answer.output
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)
    assert [name for name in VERBS if name in ORDER] == list(ORDER)


def test_to_list_the_verbs_imports_none_of_them() -> None:
    program = "import sys; sys.argv = ['fraud', '--help']\nfrom cli.main import main\nmain()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("name", VERBS)
def test_the_list_says_what_the_verb_itself_says(name: str) -> None:
    said = inspect.getdoc(verb(name)) or ""
    assert said.partition("\n")[0] == VERBS[name]


@pytest.mark.parametrize("name", VERBS)
def test_the_help_explains_every_option(name: str) -> None:
    shown = _help(name)
    for parameter in get_command_of(name).params:
        explained = getattr(parameter, "help", "") or ""
        assert explained, f"{name}: {parameter.name} has no help"
        assert parameter.opts[-1] in shown


@pytest.mark.parametrize("name", VERBS)
def test_the_examples_name_options_that_there_are(name: str) -> None:
    examples = re.findall(rf"Example: (fraud {name}\b.*)", inspect.getdoc(verb(name)) or "")
    assert examples
    options = {option for parameter in get_command_of(name).params for option in parameter.opts}
    for example in examples:
        assert set(re.findall(r"--[a-z-]+", example)) <= options, example


def get_command_of(name: str):  # type: ignore[no-untyped-def] # Typer's own type of a command is private
    return get_command(app).resolve_command(None, [name])[1]


@pytest.mark.parametrize("name", VERBS)
def test_an_option_that_there_is_not_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, name, "--no-such-option")
    assert status == 2
    assert "No such option" in said


def test_a_verb_that_there_is_not_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, "wurld")
    assert status == 2
    assert "Did you mean 'world'?" in said


def test_each_verb_is_a_module_of_its_name() -> None:
    assert [name for name in VERBS if not find_spec(f"cli.{name}")] == []


REQUIRED = {
    "evaluate": ("--data", "--out"),
    "features": ("--data", "--out"),
    "train": ("--features", "--out"),
    "replay": ("--data", "--model", "--day"),
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, options in REQUIRED.items() for option in options]
)
def test_what_a_verb_cannot_do_without_is_asked_for(
    name: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [part for each in REQUIRED[name] if each != option for part in (each, tmp_path / "given")]
    status, said = fraud(monkeypatch, capsys, name, *given)
    assert status == 2
    assert f"Missing option '{option}'" in said
    assert list(tmp_path.iterdir()) == []
