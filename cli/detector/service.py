"""Which Fraud Detector a command talks to: the standing application's, or that of an AWS account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import Environment, EnvironmentOption, Reached, application
from cli.endings import EndedError
from reading.errors import BadInputError

Env = EnvironmentOption


class Service(NamedTuple):
    """A client of frauddetector, and the names of the application's model and detector."""

    client: Any
    model: str
    detector: str
    of: Reached

    def threshold(self, risk: str) -> int:
        """The score from which a risk is `High` or `Medium`, as the application was deployed with.

        Raises:
            BadInputError: its stack says none.
        """
        try:
            return int(self.of.output("Batch", f"Detector{risk}"))
        except BadInputError as error:
            raise BadInputError(f"{error} with batch_back_end fraud-detector, or give --{risk.lower()}") from error


@contextmanager
def service(env: Environment | None) -> Iterator[Service]:
    """The service of an environment; within it what the service refuses ends the command with a sentence."""
    try:
        of = application(env.value if env else None)
        name = f"card-fraud-{env.value if env else 'dev'}"
        yield Service(of.client("frauddetector"), name.replace("-", "_"), name, of)
    except (BotoCoreError, ClientError) as error:
        raise EndedError(f"Fraud Detector does not answer as it must: {error}", 1) from error
