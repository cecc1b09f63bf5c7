"""What Amazon Fraud Detector keeps of trainings and predictions, in whose way a detector and an event type cannot be deleted."""

from __future__ import annotations

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import client
from lambda_src.ports.detector_teardown import take_down
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft


def take_down_detector(detector_and_model: str, time_left: TimeLeft) -> None:
    """Takes down what was made at run time of a detector and its model, given as DETECTOR:MODEL."""
    detector, _, model = detector_and_model.partition(":")
    service = client("frauddetector", timeout_s=30)

    def wait(seconds: float, what: str) -> None:
        time_left.wait(seconds, unfinished(what))

    for gone in take_down(service, detector, model, wait):
        logger.info("deleted", extra={"kind": "detector", "names": [gone]})
        time_left.check(unfinished(detector))
