"""Keeps a run of the training machine at SageMaker's tracking server, once the gate has judged its candidate.

Event: {"run": ID, "model": URL, "evaluation_key": KEY, "verdict": {"accepted": BOOL, "why": TEXT}}; the model's archive and the
evaluation are in the models bucket. A tag holds the machine's id of its run, and a second event of one begins no second run. No
row, no card token and no score by row is told. A server that fails fails no training: the answer says why nothing is kept.
"""

from __future__ import annotations

import json
import time
from typing import Any, TypedDict
from urllib.parse import urlsplit

from fraud.tracking import EXPERIMENT, figures_of, flat
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.model_archive import ModelArchiveError, manifest
from lambda_src.ports.tracking_server import FAILED, FINISHED, Kept, TrackingServer, TrackingServerError
from lambda_src.telemetry import Event, LambdaContext, logger, with_request
from lambda_src.track_run.environment import Environment

ARTIFACT = "evaluation.json"
OF_RUN = "fraud.run"
"""The tag that holds the machine's id of its run."""

environment = Environment.read()
s3 = client("s3", timeout_s=10)
server = TrackingServer(environment.tracking_server)


class Answer(TypedDict):
    """For the state machine: MLflow's id of the run, null where nothing is kept, and then why."""

    kept: str | None
    why: str | None


@with_request
def handler(event: Event, _: LambdaContext) -> Answer:
    """Keeps the run."""
    begun: Kept | None = None
    try:
        model, evaluation = manifest(s3, event["model"]), _evaluation(event["evaluation_key"])
        experiment = server.experiment(EXPERIMENT)
        begun = server.find(experiment, OF_RUN, event["run"])
        if begun is None:
            known = {OF_RUN: event["run"], "command": "training machine", "mlflow.source.name": "training machine"}
            begun = server.begin(experiment, f"training {event['run'][:8]}", known, _now_ms())
        if begun.status != FINISHED:
            _tell(begun, event, model, evaluation)
    except (TrackingServerError, ModelArchiveError, *AwsError, ValueError, KeyError) as error:
        why = f"{type(error).__name__}: {error}"[:1_000]
        logger.warning("not kept", extra={"run": event["run"], "why": why})
        _ended_as_failed(begun)
        return {"kept": None, "why": why}
    logger.info("kept", extra={"run": event["run"], "kept": begun.id})
    return {"kept": begun.id, "why": None}


def _evaluation(key: str) -> dict[str, Any]:
    return dict(json.loads(s3.get_object(Bucket=environment.models_bucket, Key=key)["Body"].read()))


def _tell(begun: Kept, event: Event, model: dict[str, Any], evaluation: dict[str, Any]) -> None:
    data, verdict = model["data"], event["verdict"]
    of_set = data.get("training_set") or {}
    tags = {
        "accepted": str(verdict["accepted"]).lower(),
        "why": verdict["why"],
        "model_version": model["model_version"],
        "model": event["model"],
        "data.fingerprint": data["fingerprint"],
        "training_set.fingerprint": of_set.get("fingerprint"),
        "catalogue.version": (of_set.get("catalogue") or {}).get("version"),
        "xgboost": model.get("xgboost"),
    }
    told = {name: value for name, value in tags.items() if value is not None}
    metrics = flat(evaluation["metrics"]) | flat(figures_of(model))
    champion = evaluation.get("champion")
    if champion:
        metrics |= flat({"champion": champion["metrics"]})
        told["champion.model_version"] = champion["model_version"]
    server.tell(begun.id, model["settings"], metrics, told, _now_ms())
    place = urlsplit(f"{begun.artifacts}/{ARTIFACT}")
    s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=json.dumps(evaluation).encode())
    server.end(begun.id, FINISHED, _now_ms())


def _ended_as_failed(begun: Kept | None) -> None:
    if begun is None:
        return
    try:
        server.end(begun.id, FAILED, _now_ms())
    except TrackingServerError as error:
        logger.warning("the run goes on at the server", extra={"kept": begun.id, "why": str(error)})


def _now_ms() -> int:
    return int(time.time() * 1000)
