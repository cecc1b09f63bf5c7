"""Every verb of `fraud`: listed, explained by an example that runs, and refused in a sentence where it is called wrongly."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli import main as command
from cli.main import GROUPS, VERBS, app, commands, listed, verb
from reading.errors import BadInputError
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
    "mlflow",
    "sqlalchemy",
}
ORDER = (
    "demo",
    "up",
    "send",
    "decisions",
    "down",
    "world",
    "columns",
    "evaluate",
    "features",
    "train",
    "score",
    "replay",
)
"""First what shows all of it, then the standing application, then the steps on a file of one's own, each after what it needs."""


COMMANDS = dict(commands())
IDS = {"ids": " ".join}


def _help(words: tuple[str, ...]) -> str:
    answer = CliRunner().invoke(app, [*words, "--help"], prog_name="fraud", terminal_width=300)
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


LIGHT = {"xgboost", "sklearn", "scipy", "pandas", "matplotlib", "aws_cdk", "mlflow", "faker"}
"""What no command needs that asks the standing application, or says so of a wrong option; each takes a second or more."""


@pytest.mark.parametrize(
    "words", [("decisions",), ("label",), ("upload",), ("down",), ("models", "list"), ("models", "promote")], **IDS
)
def test_a_command_that_only_asks_imports_nothing_that_trains_or_draws(words: tuple[str, ...]) -> None:
    program = f"import sys\nfrom cli.main import verb\nverb(*{words!r})\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & LIGHT


@pytest.mark.parametrize("words", COMMANDS, **IDS)
def test_the_list_says_what_the_command_itself_says(words: tuple[str, ...]) -> None:
    said = inspect.getdoc(verb(*words)) or ""
    assert said.partition("\n")[0] == COMMANDS[words]


@pytest.mark.parametrize("words", COMMANDS, **IDS)
def test_the_help_explains_every_option(words: tuple[str, ...]) -> None:
    shown = _help(words)
    for parameter in get_command_of(words).params:
        explained = getattr(parameter, "help", "") or ""
        assert explained, f"{words}: {parameter.name} has no help"
        assert parameter.opts[-1] in shown


@pytest.mark.parametrize("words", COMMANDS, **IDS)
def test_the_examples_name_options_that_there_are(words: tuple[str, ...]) -> None:
    examples = re.findall(rf"Example: (fraud {' '.join(words)}\b.*)", inspect.getdoc(verb(*words)) or "")
    assert examples
    options = {option for parameter in get_command_of(words).params for option in parameter.opts}
    for example in examples:
        assert set(re.findall(r"--[a-z-]+", example)) <= options, example


def get_command_of(words: tuple[str, ...]):  # type: ignore[no-untyped-def] # Typer's own type of a command is private
    found = get_command(app)
    for place in range(len(words)):
        found = found.resolve_command(None, list(words[place:]))[1]
    return found


def test_a_paragraph_of_the_help_ends_where_the_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 2_000)
    shown = CliRunner().invoke(app, ["world", "--help"], prog_name="fraud").output.splitlines()
    paragraphs = [" ".join(each.split()) for each in (inspect.getdoc(verb("world")) or "").split("\n\n")]
    assert len(paragraphs[1]) > 120
    assert not [each for each in paragraphs if each not in map(str.strip, shown)]


@pytest.mark.parametrize("words", COMMANDS, **IDS)
def test_an_option_that_there_is_not_is_refused(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, *words, "--no-such-option")
    assert status == 2
    assert said.startswith("fraud: --no-such-option: no such option; ")
    assert said.endswith(f"`fraud {' '.join(words)} --help` says what is allowed")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("down", "a", "b"), "a b: not expected here; `fraud down --help` says what is allowed"),
        (("down", "--help=3"), "--help: does not take a value"),
        (("world", "--start"), "--start: requires an argument"),
        (("world", "--seed", "x"), "--seed: 'x' is not a whole number; allowed: digits 0 to 9"),
        (("label", "id", "--env", "test"), "--env: 'test' is not one of 'dev', 'prod'; `fraud label --help` says"),
        (("world", "--card", "3"), "--card: no such option; did you mean --cards"),
        (("runs", "compare"), "RUN...: missing; `fraud runs compare --help` says what is allowed"),
    ],
)
def test_what_is_typed_wrongly_is_said_as_every_other_mistake(
    typed: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, *typed)
    assert status == 2
    assert said.startswith(f"fraud: {sentence}")


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("label",), "fraud label [OPTIONS] [TRANSACTION]"),
        (("runs", "compare"), "fraud runs compare [OPTIONS] RUN..."),
        (("decisions", "show"), "fraud decisions show [OPTIONS] ID"),
        (("down",), "fraud down [OPTIONS]"),
    ],
)
def test_the_usage_line_names_arguments_as_manuals_do(words: tuple[str, ...], usage: str) -> None:
    answer = CliRunner().invoke(app, [*words, "--help"], prog_name="fraud", terminal_width=300)
    assert answer.output.splitlines()[1].strip() == f"Usage: {usage}"


@pytest.mark.parametrize("words", COMMANDS, **IDS)
def test_the_help_names_no_type_of_python(words: tuple[str, ...]) -> None:
    assert not re.search(r"<[a-z]+|list\[|\[\[|\{[A-Z]", _help(words))


def test_a_verb_that_there_is_not_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, "wurld")
    assert status == 2
    assert said == "fraud: wurld: no such command; did you mean 'world'?; `fraud --help` says what is allowed"


def test_each_verb_is_a_module_of_its_name() -> None:
    assert [name for name in VERBS if not find_spec(f"cli.{name.replace('-', '_')}")] == []


def test_each_group_is_a_verb() -> None:
    assert set(GROUPS) <= set(VERBS)


def test_a_group_that_is_a_command_too_is_one_until_a_command_of_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--follow" in _help(("decisions",))
    assert "--follow" not in _help(("decisions", "show"))
    status, said = fraud(monkeypatch, capsys, "decisions", "shwo")
    assert status == 2
    assert "fraud: shwo: no such command; did you mean 'show'?" in said


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb of two commands, `fraud things make` and `fraud things try`, whose modules stand nowhere until they are run."""

    def make(name: str) -> None:
        """Make one."""
        if name == "interrupt":
            raise KeyboardInterrupt
        raise BadInputError(f"--name: {name} is made already")

    monkeypatch.setitem(VERBS, "things", "Make things.")
    monkeypatch.setitem(GROUPS, "things", {"make": "Make one.", "try": "Make one, and look at it."})
    monkeypatch.setattr(command, "app", listed((), VERBS, "All of it."))
    monkeypatch.setitem(sys.modules, "cli.things", ModuleType("cli.things"))
    for word in ("make", "try_"):
        module = ModuleType(f"cli.things.{word}")
        setattr(module, word, make)
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_group_lists_its_commands_with_a_line_each(group: None) -> None:
    answer = CliRunner().invoke(command.app, ["things", "--help"], prog_name="fraud", terminal_width=100)
    assert answer.exit_code == 0
    assert "fraud things [OPTIONS] COMMAND" in answer.output
    assert re.search(r"make +Make one\.[^,]*try +Make one, and look at it\.", answer.output, re.DOTALL)


def test_a_group_without_a_command_shows_its_list(group: None) -> None:
    answer = CliRunner().invoke(command.app, ["things"], prog_name="fraud", terminal_width=100)
    assert "Make one, and look at it." in answer.output


@pytest.mark.parametrize("word", ["make", "try"])
@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ("it", 2, "fraud: --name: it is made already"),
        ("interrupt", 130, "fraud: interrupted; nothing half-written is left"),
    ],
)
def test_a_command_of_a_group_ends_as_every_other_does(
    word: str,
    given: str,
    status: int,
    sentence: str,
    group: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fraud(monkeypatch, capsys, "things", word, given) == (status, sentence)


def test_a_command_that_a_group_has_not_is_refused_with_the_nearest(
    group: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, "things", "mak")
    assert status == 2
    assert "fraud: mak: no such command; did you mean 'make'?" in said


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
    assert said == f"fraud: {option}: missing; `fraud {name} --help` says what is allowed"
    assert list(tmp_path.iterdir()) == []
