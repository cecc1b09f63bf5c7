"""The gate before registration: compares a candidate's evaluation with the champion's.

Event: {"evaluation_key": KEY, "champion": ARN}, where `sagemaker_src/training/evaluate_model.py`'s evaluation.json is in the
models bucket, and the champion's package, null if there is none. If the evaluation holds the champion's figures on the very rows
the candidate was tested on, those count, and no segment may be surely broken; else those that the champion was registered with,
which come of an earlier period.
"""

from __future__ import annotations

from typing import TypedDict

from fraud.promotion import Metrics, verdict
from lambda_src.gate.environment import Environment
from lambda_src.gate.evaluation import parse_evaluation
from lambda_src.ports.clients import client
from lambda_src.ports.model_registry import figures, registered_metadata
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
s3 = client("s3", timeout_s=10)
sagemaker = client("sagemaker", timeout_s=10)


class Answer(TypedDict):
    """For the state machine: `metadata` is what an accepted model's package is registered with."""

    accepted: bool
    why: str
    model_version: str
    metadata: dict[str, str]


@with_request
def handler(event: Event, _: LambdaContext) -> Answer:
    """The verdict on a candidate."""
    answer = s3.get_object(Bucket=environment.models_bucket, Key=event["evaluation_key"])
    evaluation = parse_evaluation(answer["Body"].read())
    against: Metrics | None = evaluation.champion
    if against is None and event["champion"] is not None:
        against = figures(sagemaker, event["champion"])
    accepted, why = verdict(
        evaluation.metrics,
        against,
        evaluation.changes,
        margins=environment.margins,
        segment_margin=environment.segment_margin,
    )
    logger.info("verdict", extra={"accepted": accepted, "why": why, "model_version": evaluation.model_version})
    metadata = registered_metadata(evaluation.metrics, evaluation.model_version, event["evaluation_key"])
    return {
        "accepted": accepted,
        "why": why,
        "model_version": evaluation.model_version,
        "metadata": metadata if accepted else {},
    }
