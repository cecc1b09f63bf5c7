"""The application that a command talks to: the one that `fraud up` left standing, or the one in an AWS account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import boto3
import typer

from local.background import StandingError, in_use
from local.deployment import outputs
from reading.errors import BadInputError

STANDING = "Dev"
"""The environment that `fraud up` stands up."""


class Environment(str, Enum):
    """An environment, as an option takes it."""

    dev = "dev"
    prod = "prod"


EnvironmentOption = Annotated[
    Environment | None,
    typer.Option(
        help="The application in the AWS account of your credentials (boto3's default ones, and its region), as dev or prod; "
        "default: the one that `fraud up` left standing."
    ),
]


@dataclass(frozen=True)
class Reached:
    """An application.

    Attributes:
        client: makes clients of the AWS that it stands on.
        prefix: of its stacks' names.
        says: what it is, for people.
    """

    client: Callable[..., Any]
    prefix: str
    says: str

    def output(self, stack: str, name: str) -> str:
        """An output of one of its stacks.

        Raises:
            BadInputError: the stack has none of that name.
            BotoCoreError, ClientError: it cannot be asked, or is not there.
        """
        stack = f"{self.prefix}-{stack}"
        said = outputs(self.client, stack)
        if name not in said:
            raise BadInputError(f"the stack {stack} says no {name}: it is of a release without it; deploy this one")
        return said[name]


def application(environment: str | None) -> Reached:
    """The application of an environment.

    Args:
        environment: `dev` or `prod`, of the AWS account of boto3's default credentials; None: what `fraud up` left standing.

    Raises:
        BadInputError: nothing stands.
    """
    if environment is not None:
        says = f"the application {environment} in the AWS account of your credentials"
        return Reached(boto3.Session().client, f"CardFraud-{environment.capitalize()}", says)
    try:
        return Reached(in_use().client, f"CardFraud-{STANDING}", "the application that `fraud up` left standing")
    except StandingError as error:
        raise BadInputError(
            f"{error}, or --env dev|prod names the one in the AWS account of your credentials"
        ) from error
