"""`fraud up`: the application stands on this machine until `fraud down`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.options import Columns, Encoding, Timezone
from cli.progress import console
from emulator.command_line import variables
from local.background import Standing, StandingError, start
from local.kept_world import last_midnight_ms
from local.own_past import OwnFile, OwnPastError, digest, hand_over, own_past
from reading.errors import BadInputError
from reading.transactions import USUAL, Reading, checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine

CANARY = {"canary_percent": 50, "endpoint_instances_least": 2, "endpoint_instances_most": 2}
"""The settings for a canary: of two machines one at first."""


def up(
    replay: Annotated[bool, typer.Option(help="Topics keep the data's own times, for past days.")] = False,
    empty: Annotated[bool, typer.Option(help="Bare: no trained model, no nightly features.")] = False,
    canary: Annotated[
        bool, typer.Option(help="A new model takes over behind a canary: half the requests, watched by alarms.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Learn from this file's transactions in place of a made-up world's; files as `fraud evaluate` reads them.",
            metavar="FILE",
        ),
    ] = None,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = USUAL,
) -> None:
    """Stand the synthesized application up on an emulated AWS on this machine, and leave it running.

    A model that was trained on a made-up world of cards serves then, and their nightly features are filled; the first time makes
    both, which takes a few minutes more, and keeps them below `.cache/worlds`. `fraud send` sends what these cards buy, `fraud
    decisions` shows what is decided, `fraud down` ends every process and removes what they wrote. Prints the
    variables with which AWS's own command line works against it. What a killed run left is cleared away first.

    With --canary a model that training brings answers half the requests at first, and takes over if no alarm goes off: the
    deployment's waits and its alarms' periods last a tenth of their time.

    With --data the cards are those of a file of yours: their earlier days are the past, as if it had ended at the last midnight,
    and `fraud send` sends what they buy in the days after it. Their card numbers become tokens as the file is read; below
    `.cache/worlds` lie the tokens, the declared fields and the model. `make clean` removes them.

    Example: fraud up

    Example: fraud up --empty

    Example: fraud up --data transactions.csv --columns mine.toml
    """
    began = time.monotonic()
    reading = checked_reading(encoding, timezone, columns)
    if data is None and (encoding is not None or timezone is not None or columns != USUAL):
        raise BadInputError("--encoding, --timezone, --columns: only with --data, the file that they are of")
    if data is not None and empty:
        raise BadInputError("--empty: not with --data, which fills the application")

    def told(what: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {what}", markup=False, soft_wrap=True)

    settings = {"env": "dev", "replay": replay, **(CANARY if canary else {})}
    try:
        with TemporaryDirectory(prefix="fraud-own-") as folder:
            own = _own(data, reading, Path(folder), told) if data is not None else None
            standing = start(settings, told, empty=empty, own=own)
    except StandingError as error:
        raise BadInputError(str(error)) from error
    show(standing)


def _own(data: Path, reading: Reading, folder: Path, told: Callable[[str], None]) -> Path:
    """The file's past, for the process that fills the application."""
    token_key = secrets.token_urlsafe(48)
    with engine() as connection:
        read = read_transactions(connection, data, "tx", token_key.encode(), reading)
        rows = connection.sql("SELECT * EXCLUDE row FROM tx").to_arrow_table()
    told(f"{data.name}: {read.transactions:,} transactions; {read.times}")
    try:
        hand_over(own_past(rows, token_key, last_midnight_ms()), OwnFile(data.name, digest(rows)), folder)
    except OwnPastError as error:
        raise BadInputError(f"--data: {data}: {error}") from error
    return folder


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
