"""Does the next step of publishing a model version of Amazon Fraud Detector.

Event: {"version": NUMBER}, as `1.01`; or "" for the version that is published: it gets the rules of this function's thresholds.
The service tells of no training's end (page *events-ref-frauddetector*: it sends predictions alone), so a state machine asks
again and again, but only while something trains.
"""

from __future__ import annotations

from typing import TypedDict

from fraud.detector import Version
from lambda_src.ports.clients import client
from lambda_src.ports.publishing import Wanted, publish, publish_again
from lambda_src.publish_detector.environment import Environment
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
detector = client("frauddetector", timeout_s=10)


class Answer(TypedDict):
    """For the state machine: whether all is done."""

    done: bool


@with_request
def handler(event: Event, _: LambdaContext) -> Answer:
    """The next step; raises NotPublishedError if there is none that leads on."""
    wanted = Wanted(environment.detector, environment.model, environment.high, environment.medium)
    version = event["version"]
    step = publish(detector, wanted, Version.read(version)) if version else publish_again(detector, wanted)
    logger.info("published" if step.done else "waiting", extra={"says": step.says})
    return {"done": step.done}
