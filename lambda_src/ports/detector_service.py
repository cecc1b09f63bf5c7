"""Amazon Fraud Detector as our functions and commands ask it: one model, one detector, and what is there of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from fraud.detector import MODEL_TYPE, Version
from lambda_src.ports.clients import Client

UNFINISHED = "TRAINING_IN_PROGRESS"
DEPLOYING = ("ACTIVATE_REQUESTED", "ACTIVATE_IN_PROGRESS")
UNDEPLOYING = ("INACTIVATE_REQUESTED", "INACTIVATE_IN_PROGRESS")
FAILED = ("ERROR", "TRAINING_CANCELLED")
"""Statuses of a model version: page API_GetModelVersion."""


class ModelVersion(NamedTuple):
    """A version of the model.

    Attributes:
        number: as the service wrote it.
        created: when its training began.
        data: the file that it was trained on.
        why: what the service says of a training that failed.
    """

    version: Version
    number: str
    status: str
    created: datetime
    data: str | None
    why: str


def code_of(error: ClientError) -> str:
    """The service's name of a refusal."""
    return str(error.response["Error"]["Code"])


def pages(call: Any, member: str, **given: Any) -> Iterator[dict[str, Any]]:
    """What a list of the service has; nothing if what it is of is not there."""
    token: dict[str, str] = {}
    while True:
        try:
            answer = call(**given, **token)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return
            raise
        yield from answer.get(member, [])
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}


def model_versions(client: Client, model: str) -> list[ModelVersion]:
    """The versions of a model, the oldest first."""
    found = pages(client.describe_model_versions, "modelVersionDetails", modelId=model, modelType=MODEL_TYPE)
    return sorted(map(_model_version, found), key=lambda one: one.version)


def _model_version(of: dict[str, Any]) -> ModelVersion:
    messages = of.get("trainingResult", {}).get("dataValidationMetrics", {}).get("fileLevelMessages", [])
    return ModelVersion(
        Version.read(of["modelVersionNumber"]),
        of["modelVersionNumber"],
        of["status"],
        _moment(of["createdTime"]),
        of.get("externalEventsDetail", {}).get("dataLocation"),
        "; ".join(str(one.get("content", "")) for one in messages),
    )


def _moment(text: str) -> datetime:
    """What the service says of a time (type `time`): in UTC, with its zone or without."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


class DetectorVersion(NamedTuple):
    """A version of the detector.

    Attributes:
        rules: {name: version}, in the order in which they are evaluated.
        models: the versions of models that it has scores of.
    """

    number: str
    status: str
    rules: dict[str, str]
    models: frozenset[tuple[str, Version]]


def detector_versions(client: Client, detector: str) -> list[DetectorVersion]:
    """The versions of a detector, the oldest first; none if there is no detector."""
    summaries = pages(client.describe_detector, "detectorVersionSummaries", detectorId=detector)
    numbers = sorted((one["detectorVersionId"] for one in summaries), key=int)
    return [_detector_version(client, detector, number) for number in numbers]


def _detector_version(client: Client, detector: str, number: str) -> DetectorVersion:
    found = client.get_detector_version(detectorId=detector, detectorVersionId=number)
    models = ((one["modelId"], Version.read(one["modelVersionNumber"])) for one in found.get("modelVersions", []))
    rules = {one["ruleId"]: one["ruleVersion"] for one in found["rules"]}
    return DetectorVersion(number, found["status"], rules, frozenset(models))
