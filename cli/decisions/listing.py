"""`fraud decisions`: what the application that `fraud up` left standing has decided, and decides."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from enum import Enum
from heapq import nlargest
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.decision_lines import HEADER, json_line, plain_line, terminal_lines
from cli.options import whole
from fraud.decision import Decision
from local.application import Application, ApplicationError
from local.background import StandingError, in_use
from reading.errors import BadInputError

_EVERY_S = 0.5


class OutcomeOption(str, Enum):
    """An outcome, as an option takes it."""

    approve = "approve"
    review = "review"
    block = "block"


def decisions(
    follow: Annotated[bool, typer.Option(help="Go on with those that come, until Ctrl-C.")] = False,
    count: Annotated[int, whole("How many of the newest.", 0, 1_000_000)] = 20,
    outcome: Annotated[OutcomeOption | None, typer.Option(help="Only those.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON a line, with all that is known.")] = False,
) -> None:
    """Show the newest decisions of the standing application, oldest first: outcome, score, path and reasons.

    The path is `model`, or `fallback` where the model could not be asked; its line says why. On a terminal an approved one shows
    its strongest reason, any other all of them; elsewhere each decision is one line.

    `fraud decisions show ID` makes one again from what it was made of, and says what differs.

    Example: fraud decisions --follow --outcome block

    Example: fraud decisions --count 1000 --json
    """
    wanted = None if outcome is None else outcome.value
    try:
        _show(Application(in_use().client), wanted, count, follow, _shower(as_json))
    except (ApplicationError, StandingError) as error:
        raise BadInputError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(_ended(error)) from error
    except KeyboardInterrupt:
        if not follow:
            raise


def _show(
    application: Application,
    outcome: str | None,
    count: int,
    follow: bool,
    shower: Callable[[Iterable[Decision]], None],
) -> None:
    feed = application.feed()
    past = [Decision.from_json(row["decision"]) for row in application.decisions()]
    of_outcome = (one for one in past if outcome in (None, one.outcome))
    newest = nlargest(count, of_outcome, key=lambda one: (one.decided_at, one.transaction_id))
    shower(newest[::-1])
    known = {one.transaction_id for one in past}
    while follow:
        came = [Decision.from_json(row["decision"]) for row in feed.read()]
        shower(one for one in came if one.transaction_id not in known and outcome in (None, one.outcome))
        if not came:
            known.clear()  # the feed has passed the moment at which those were read
            time.sleep(_EVERY_S)


def _shower(as_json: bool) -> Callable[[Iterable[Decision]], None]:
    """What shows decisions on standard output."""
    terminal = Console(highlight=False, emoji=False)
    if not as_json and terminal.is_terminal:
        terminal.print(HEADER, style="bold")

        def on_terminal(shown: Iterable[Decision]) -> None:
            for one in shown:
                terminal.print(terminal_lines(one, terminal.width), soft_wrap=True)

        return on_terminal
    line = json_line if as_json else plain_line

    def in_lines(shown: Iterable[Decision]) -> None:
        for one in shown:
            print(line(one))
        sys.stdout.flush()

    return in_lines


def _ended(error: Exception) -> str:
    try:
        in_use()
    except StandingError as ended:
        return str(ended)
    return f"the application does not answer: {error}"
