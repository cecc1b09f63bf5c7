"""The `fraud` command: one verb a module, or one group of commands a package, imported when it is asked for."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from cli.endings import EndedError, ended_as_by_ctrl_c
from cli.progress import console
from cli.usage import Command, sentence
from fraud.row_counts import RowCountError
from reading.errors import BadInputError

VERBS = {
    "demo": "Make a world, train on its past, and decide its last day as live traffic with attacks in it, through the stacks.",
    "up": "Stand the synthesized application up on an emulated AWS on this machine, and leave it running.",
    "send": "Send transactions to the standing application and show what it decides.",
    "decisions": "Show the newest decisions of the standing application, oldest first: outcome, score, path and reasons.",
    "what-if": "Decide a past period again with another model or other thresholds, and show it beside what was decided.",
    "label": "Say of transactions whether they were fraud: one, or those of a file; history stays, the newest label counts.",
    "upload": "Send files to the batch: into the raw bucket, card numbers made tokens on the way.",
    "down": "End every process that `fraud up` started, and remove what they wrote.",
    "world": "Make up a world of cards and their transactions, with fraud in it, to try everything else on.",
    "columns": "Look at a file, and write a first mapping of its columns for --columns.",
    "evaluate": "Train on a file's earlier rows, test on its later ones, and say how well it went.",
    "features": "Compute the features of every transaction in a file.",
    "train": "Train a model on features and choose its thresholds for review and block.",
    "tune": "Find the parameters that train the best model, or compare families of models, on rows before the test.",
    "score": "Score every transaction in a file with a model: outcome and reasons as the stream would decide.",
    "report": "Show a model and its test as one page, with a threshold to move: what it finds, misses and costs.",
    "replay": "Decide a day of a file as live traffic, through the stacks, with a model of your own.",
    "runs": "Look at what training, evaluation and tuning have kept of their runs: figures, parameters, pages.",
    "models": "Look after the model's versions: which there are, which serves, and which is to.",
    "synthesize": "Make synthetic frauds of any table, and say what they are worth: how real, how useful, how private.",
    "detector": "Look after Amazon Fraud Detector, where the settings have it as the back end: models, rules, predictions.",
}
"""{verb: what it does, the first line of its docstring}, in the order in which a newcomer needs them."""

OWN = {"decisions"}
"""The groups that are a command themselves, as long as no command of theirs is named."""

GROUPS: dict[str, dict[str, str]] = {
    "decisions": {
        "show": "Make one decision again from what it was made of, and say whether it is equal or what differs.",
    },
    "detector": {
        "status": "Show the model's versions and the detector's, with what became of each.",
        "publish": "Deploy the newest trained version of the model, and publish the detector with it and its rules.",
        "predict": "Have events predicted: one of a JSON file, or each row of a file, within the service's quota.",
        "teardown": "Delete what Fraud Detector has of this application, in the order that the service demands.",
    },
    "models": {
        "list": "List the versions of the model, newest first: status, figures, and which of them serves and why.",
        "show": "Show a version: its package, its figures with their intervals, what it was trained on, and its evaluation.",
        "compare": "Show the evaluations of two versions side by side, or a shadow beside the champion on live traffic.",
        "explain": "Show what a model looks at: importance, dependence of the strongest features, stability between versions.",
        "promote": "Have a version serve: approve it, and have the training machine bring it behind the canary and its alarms.",
        "rollback": "Have a version from before serve again: the newer ones are rejected, and the training machine brings it.",
    },
    "runs": {
        "list": "List the runs, newest first: what made them, how they ended, their figures.",
        "show": "Show a run: how it ended, what it was asked, on what data, its figures, its trials, and where its pages are.",
        "compare": "Show runs side by side: the figures of each, and of what they were asked and made of what is not the same.",
        "open": "Open the runs in a browser: MLflow's own page where it is installed, else a page of ours.",
    },
    "synthesize": {
        "try": "Do all of it on made-up transactions, in under two minutes: fit, sample, augment, evaluate.",
        "fit": "Learn the frauds of a table, to make new ones like them.",
        "sample": "Make new frauds with a model that `fit` wrote.",
        "augment": "Add synthetic frauds to a table, to train on.",
        "evaluate": "Say what synthetic frauds are worth: how real, how useful, how private.",
        "episodes": "Learn how attacks unfold, and graft new ones onto the histories of honest cards.",
    },
}
"""{verb: {command of its own: what that does}}: the verbs that are a group of commands."""

Words = tuple[str, ...]
"""What is typed behind `fraud`: a verb, or a group and its command."""


def commands() -> Iterator[tuple[Words, str]]:
    """Everything that can be run: (what is typed behind `fraud`, what it does)."""
    for name, line in VERBS.items():
        if name in GROUPS and name not in OWN:
            yield from (((name, each), does) for each, does in GROUPS[name].items())
        else:
            yield (name,), line
            yield from (((name, each), does) for each, does in GROUPS.get(name, {}).items())


def verb(*path: str) -> Callable[..., None]:
    """The function of a command, in the module of its name: importing all of them takes seconds.

    A word that Python keeps to itself has a line behind it: `cli/synthesize/try_.py`.
    """
    words = [f"{word}_" if iskeyword(word) else word.replace("-", "_") for word in path]
    function: Callable[..., None] = getattr(import_module(".".join(["cli", *words])), words[-1])
    return function


class _Verbs(TyperGroup):
    """Lists commands from their table, and imports the one that is run."""

    path: Words = ()
    """What is typed before them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str, Any, list[str]]:  # Typer's own types are private
        """The command that is named first, and what it is given; a name that is none is Typer's to refuse."""
        found, command, rest = super().resolve_command(ctx, args)
        name = str(found)
        if isinstance(command, TyperGroup):
            return name, command, rest
        if not self.path and name in OWN and rest and not rest[0].startswith("-"):
            return name, typer.main.get_command(listed((name,), GROUPS[name], VERBS[name])), rest
        function = verb(*self.path, name)
        alone = typer.Typer(add_completion=False)
        alone.command(name, cls=Command, help=_flowing(inspect.getdoc(function) or ""))(function)
        return name, typer.main.get_command(alone), rest


def listed(path: Words, lines: dict[str, str], says: str) -> typer.Typer:
    """A list of commands, which knows their names and lines alone."""
    made = typer.Typer(
        name=path[-1] if path else "fraud",
        cls=type("_Verbs", (_Verbs,), {"path": path}),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help=says,
    )
    made.callback()(_together)
    for name, line in lines.items():
        if not path and name in GROUPS and name not in OWN:
            made.add_typer(listed((name,), GROUPS[name], line))
        else:
            made.command(name, help=line)(_named)
    return made


def _flowing(text: str) -> str:
    """A text whose paragraphs end where the terminal does, not where the docstring's lines do."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _together() -> None:
    """Holds the commands together, also while there is only one."""


def _named() -> None:
    """Stands in the list for a command."""


app = listed(
    (),
    VERBS,
    "Card-fraud detection on one machine: make a world of cards, compute features, train, evaluate, decide a stream.",
)


INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def main() -> None:
    """Run the command; a person's mistake exits with 2, Ctrl-C with 130, a SIGTERM with 143, what failed in part with 1."""
    with ended_as_by_ctrl_c():
        try:
            if app(standalone_mode=False, prog_name="fraud") == INTERRUPTED:  # Typer gives the status of a Ctrl-C back
                raise typer.Abort
        except BadInputError as error:
            _refused(str(error))
        except EndedError as error:
            _refused(str(error), error.status)
        except RowCountError as error:
            _refused(str(error), 1)
        except (typer.Abort, KeyboardInterrupt):
            console.print("fraud: interrupted; nothing half-written is left", markup=False)
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not hasattr(error, "format_message"):  # Typer's usage errors have it, whose class is private
                raise
            if said := sentence(error):
                _refused(said)
            error.show()  # type: ignore[attr-defined]
            sys.exit(2)


def _refused(says: str, status: int = 2) -> NoReturn:
    console.print(f"fraud: {says}", style="bold red", markup=False, soft_wrap=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
