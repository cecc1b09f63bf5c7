"""`fraud up`: the application stands on this machine until `fraud down`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import BadInputError
from cli.progress import console
from emulator.command_line import variables
from local.background import Standing, StandingError, start


def up(
    replay: Annotated[bool, typer.Option(help="Topics keep the data's own times, for past days.")] = False,
) -> None:
    """Stand the synthesized application up on an emulated AWS on this machine, and leave it running.

    Prints variables to paste, with which AWS's own command line works against it. `fraud send` sends
    transactions, `fraud down` ends every process and removes what they wrote. What a killed run left is cleared away first.

    Example: fraud up
    """
    try:
        standing = start({"env": "dev", "replay": replay}, told=lambda what: console.print(f"  {what}", markup=False))
    except StandingError as error:
        raise BadInputError(str(error)) from error
    show(standing)


def show(standing: Standing) -> None:
    """What a person needs to use it."""
    shell = variables(standing.endpoint, standing.region, standing.credentials, Path(standing.folder))
    console.print("\nThe application stands. To use it from this shell:\n", markup=False)
    for name, value in shell.items():
        console.print(f"export {name}={value}", markup=False, soft_wrap=True)
    console.print("\n.venv/bin/aws sqs list-queues", markup=False)
    console.print(".venv/bin/fraud send --count 100", markup=False)
    console.print(".venv/bin/fraud down", markup=False)
    console.print(f"\nLogs and data are below {standing.folder}", markup=False, soft_wrap=True)
