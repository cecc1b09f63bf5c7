"""Takes down what Amazon Fraud Detector has of us, in the order that the service demands (page *delete-resources*)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fraud.detector import ENTITY_TYPE, EVENT_TYPE, FRAUD, LEGIT, MODEL_TYPE, OUTCOMES, VARIABLE_NAMES
from lambda_src.ports.clients import Client
from lambda_src.ports.detector_service import DEPLOYING, UNDEPLOYING, UNFINISHED, model_versions, pages

POLL_S = 5.0
_RUNNING = ("IN_PROGRESS_INITIALIZING", "IN_PROGRESS", "CANCEL_IN_PROGRESS")
Wait = Callable[[float, str], None]
"""Waits so many seconds, or raises, saying what it would have waited for."""


def take_down(client: Client, detector: str, model: str, wait: Wait) -> Iterator[str]:
    """Deletes what was made at run time: jobs, detector versions, rules, model versions, the model. Says what is gone.

    What is gone already is skipped, so it can be called again. What the template made stays: `take_down_all`.
    """
    yield from _jobs(client, detector, wait)
    yield from _detector_versions(client, detector)
    for rule in list(pages(client.get_rules, "ruleDetails", detectorId=detector)):
        client.delete_rule(rule={name: rule[name] for name in ("detectorId", "ruleId", "ruleVersion")})
        yield f"rule {rule['ruleId']} {rule['ruleVersion']}"
    yield from _model_versions(client, model, wait)
    if list(pages(client.get_models, "models", modelId=model, modelType=MODEL_TYPE)):
        client.delete_model(modelId=model, modelType=MODEL_TYPE)
        yield f"model {model}"


def take_down_all(client: Client, detector: str, model: str, wait: Wait) -> Iterator[str]:
    """Deletes also the detector, the event type and what that is made of, outcomes included."""
    yield from take_down(client, detector, model, wait)
    if list(pages(client.get_detectors, "detectors", detectorId=detector)):
        client.delete_detector(detectorId=detector)
        yield f"detector {detector}"
    kinds: tuple[tuple[str, Any, Any, str, tuple[str, ...]], ...] = (
        ("event type", client.get_event_types, client.delete_event_type, "eventTypes", (EVENT_TYPE,)),
        ("entity type", client.get_entity_types, client.delete_entity_type, "entityTypes", (ENTITY_TYPE,)),
        ("label", client.get_labels, client.delete_label, "labels", (LEGIT, FRAUD)),
        ("outcome", client.get_outcomes, client.delete_outcome, "outcomes", OUTCOMES),
        ("variable", client.get_variables, client.delete_variable, "variables", VARIABLE_NAMES),
    )
    for kind, get, delete, member, names in kinds:
        for name in names:
            if list(pages(get, member, name=name)):
                delete(name=name)
                yield f"{kind} {name}"


def _jobs(client: Client, detector: str, wait: Wait) -> Iterator[str]:
    for job in list(pages(client.get_batch_prediction_jobs, "batchPredictions")):
        if job["detectorName"] != detector:
            continue
        name = job["jobId"]
        if job["status"] in _RUNNING[:2]:
            client.cancel_batch_prediction_job(jobId=name)
        while any(
            one["status"] in _RUNNING for one in pages(client.get_batch_prediction_jobs, "batchPredictions", jobId=name)
        ):
            wait(POLL_S, f"the job {name}")
        client.delete_batch_prediction_job(jobId=name)
        yield f"job {name}"


def _detector_versions(client: Client, detector: str) -> Iterator[str]:
    for one in list(pages(client.describe_detector, "detectorVersionSummaries", detectorId=detector)):
        where = {"detectorId": detector, "detectorVersionId": one["detectorVersionId"]}
        if one["status"] == "ACTIVE":
            client.update_detector_version_status(**where, status="INACTIVE")
        client.delete_detector_version(**where)
        yield f"detector version {one['detectorVersionId']}"


def _model_versions(client: Client, model: str, wait: Wait) -> Iterator[str]:
    on_the_way = (UNFINISHED, "ACTIVE", *DEPLOYING, *UNDEPLOYING)
    while left := [one for one in model_versions(client, model) if one.status in on_the_way]:
        for one in left:
            becomes = {UNFINISHED: "TRAINING_CANCELLED", "ACTIVE": "INACTIVE"}.get(one.status)
            if becomes:
                client.update_model_version_status(
                    modelId=model, modelType=MODEL_TYPE, modelVersionNumber=one.number, status=becomes
                )
        wait(POLL_S, f"model version {left[0].number}")
    for one in model_versions(client, model):
        client.delete_model_version(modelId=model, modelType=MODEL_TYPE, modelVersionNumber=one.number)
        yield f"model version {one.number}"
