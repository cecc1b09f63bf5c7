"""`fraud send`: transactions into the application that `fraud up` left standing."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from cli.errors import BadInputError
from cli.options import decimal, whole
from cli.progress import console, progress
from cli.screen import decision_table
from local import sending
from local.application import Application, ApplicationError
from local.background import StandingError, in_use


def send(
    count: Annotated[int, whole("How many.", 1, 100_000)] = 100,
    rate: Annotated[float, decimal("Transactions a second.", 1, 2000)] = 50,
    attack: Annotated[bool, typer.Option(help="End with ten small purchases on one card.")] = False,
) -> None:
    """Send made-up transactions to the standing application and show what it decides.

    Example: fraud send --count 200 --attack
    """
    decided = []
    try:
        application = Application(in_use().client)
        rows = sending.made_up(count, attack=attack, key=application.card_token_key)
        with progress() as report:
            for row in sending.send(application, rows, rate):
                decided.append(row)
                report("decided", len(decided), rows.num_rows)
    except (ApplicationError, StandingError) as error:
        raise BadInputError(str(error)) from error
    console.print(decision_table(sorted(decided, key=lambda row: row["transaction_id"])[:-13:-1]))
    outcomes = ", ".join(f"{count:,} {name}" for name, count in Counter(row["outcome"] for row in decided).items())
    paths = ", ".join(f"{count:,} by the {name}" for name, count in Counter(row["path"] for row in decided).items())
    console.print(f"{len(decided):,} decided: {outcomes}; {paths}", markup=False)
