"""`fraud up`: the application stands on this machine until `fraud down`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.errors import BadInputError
from cli.progress import console
from local.background import Standing, StandingError, start


def up(
    replay: Annotated[bool, typer.Option(help="Topics keep the data's own times, for past days.")] = False,
) -> None:
    """Stand the synthesized application up on an emulated AWS on this machine, and leave it running.

    Prints the endpoint's address and credentials to paste; `aws --endpoint-url` works against it. `fraud send` sends
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
    variables = {**standing.credentials, "AWS_DEFAULT_REGION": standing.region, "AWS_ENDPOINT_URL": standing.endpoint}
    console.print("\nThe application stands. To use it from this shell:\n", markup=False)
    for name, value in variables.items():
        console.print(f"export {name}={value}", markup=False, soft_wrap=True)
    console.print(
        f"\n.venv/bin/aws --endpoint-url {standing.endpoint} cloudformation describe-stacks",
        markup=False,
        soft_wrap=True,
    )
    console.print(".venv/bin/fraud send --count 100", markup=False)
    console.print(".venv/bin/fraud down", markup=False)
    console.print(f"\nLogs and data are below {standing.folder}", markup=False, soft_wrap=True)
