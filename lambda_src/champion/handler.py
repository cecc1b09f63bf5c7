"""Which model is the champion: the newest approved one whose features this release computes.

Event: {"configuration": NAME}, the endpoint configuration that serves, if a run has made it; null or left out if not.
What a model takes it says itself, in the manifest of its archive: also one that was registered by hand, or by an earlier release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from fraud.champion import Approved, champion
from lambda_src.champion.environment import Environment
from lambda_src.ports.clients import client
from lambda_src.ports.model_archive import judged
from lambda_src.ports.model_registry import Registered, registered, served_url
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
s3 = client("s3", timeout_s=10)
sagemaker = client("sagemaker", timeout_s=10)


class Answer(TypedDict):
    """For the state machine.

    `model` is the URL of the champion's archive and `package` the ARN of its package, null where no model is one; `another` says
    whether another one serves; `sentence` says which model serves and why, once the champion does.
    """

    model: str | None
    package: str | None
    another: bool
    sentence: str


@with_request
def handler(event: Event, _: LambdaContext) -> Answer:
    """The champion."""
    configuration = event.get("configuration")
    serving = served_url(sagemaker, configuration) if configuration else None
    packages: dict[str, Registered] = {}

    def approved() -> Iterator[Approved]:
        for package in registered(sagemaker, environment.model_package_group):
            # one that serves and is not approved yet will be: the run that brought it is about to end
            if package.approved or package.url == serving:
                packages[package.name] = package
                yield judged(s3, package.name, package.url, serves=package.url == serving)

    found = champion(approved())
    logger.info("champion", extra={"model_name": found.model and found.model.name, "why": found.why})
    chosen = packages[found.model.name] if found.model else None
    return {
        "model": chosen.url if chosen else None,
        "package": chosen.arn if chosen else None,
        "another": found.model is not None and not found.model.serves,
        "sentence": found.sentence,
    }
