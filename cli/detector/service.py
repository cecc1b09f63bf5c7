"""Which Fraud Detector a command talks to: the standing application's, or that of an AWS account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated, Any, NamedTuple

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.endings import EndedError
from local.background import StandingError, in_use
from reading.errors import BadInputError


class Environment(str, Enum):
    """An environment, as an option takes it."""

    dev = "dev"
    prod = "prod"


Env = Annotated[
    Environment | None,
    typer.Option(
        help="The application in the AWS account of your credentials, as dev or prod; default: the one that `fraud up` left "
        "standing."
    ),
]


class Service(NamedTuple):
    """A client of frauddetector, and the names of the application's model and detector."""

    client: Any
    model: str
    detector: str


@contextmanager
def service(env: Environment | None) -> Iterator[Service]:
    """The service of an environment; within it what the service refuses ends the command with a sentence."""
    try:
        client = in_use().client("frauddetector") if env is None else boto3.client("frauddetector")
        name = f"card-fraud-{env.value if env else 'dev'}"
        yield Service(client, name.replace("-", "_"), name)
    except StandingError as error:
        raise BadInputError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise EndedError(f"Fraud Detector does not answer as it must: {error}", 1) from error
