"""`fraud up`: the application stands on this machine until `fraud down`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from cli.progress import console
from emulator.command_line import variables
from local.background import Standing, StandingError, start
from reading.errors import BadInputError


def up(
    replay: Annotated[bool, typer.Option(help="Topics keep the data's own times, for past days.")] = False,
    empty: Annotated[bool, typer.Option(help="Bare: no trained model, no nightly features.")] = False,
) -> None:
    """Stand the synthesized application up on an emulated AWS on this machine, and leave it running.

    A model that was trained on a made-up world of cards serves then, and their nightly features are filled; the first time makes
    both, which takes a few minutes more, and keeps them below `.cache/worlds`. `fraud send` sends what these cards buy, `fraud
    decisions` shows what is decided, `fraud down` ends every process and removes what they wrote. Prints the
    variables with which AWS's own command line works against it. What a killed run left is cleared away first.

    Example: fraud up

    Example: fraud up --empty
    """
    began = time.monotonic()

    def told(what: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {what}", markup=False, soft_wrap=True)

    try:
        standing = start({"env": "dev", "replay": replay}, told, empty=empty)
    except StandingError as error:
        raise BadInputError(str(error)) from error
    show(standing)


def show(standing: Standing) -> None:
    """What a person needs to use it."""
    shell = variables(standing.endpoint, standing.region, standing.credentials, Path(standing.folder))
    has = (
        "a trained model serves, and its cards' nightly features are filled."
        if standing.following
        else "no model is trained, so the fallback rule decides."
    )
    lines = [
        f"\nThe application stands: {has}",
        "\nSend it transactions, and look at what it decides:\n",
        "  .venv/bin/fraud send --count 300 --attack",
        "  .venv/bin/fraud decisions --follow",
        "\nAWS's own command line works against it in a shell with these:\n",
        *(f"export {name}={value}" for name, value in shell.items()),
        "\n  .venv/bin/aws sqs list-queues",
        f"\nEnd it, and remove all that it wrote (logs and data are below {standing.folder}):\n",
        "  .venv/bin/fraud down",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
