"""Amazon Fraud Detector as this host has it, with what each operation needs the caller to be allowed.

Actions and resources: the page *list_frauddetector* of the service authorization reference. Roles that are handed on are judged
by the router.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.clients import Clients
from emulator.fraud_detector.catalogue import Catalogue
from emulator.fraud_detector.detectors import Detectors, version_name
from emulator.fraud_detector.models import Models
from emulator.fraud_detector.predictions import Predictions
from emulator.fraud_detector.shelf import named
from emulator.fraud_detector.training import Trainings
from emulator.protocol.service import Permission, Service
from emulator.protocol.wire import Wire

Needs = Callable[[dict[str, Any]], Iterable[Permission]]
Given = dict[str, Any]


def _on(operation: str, *resources: Callable[[Given], str | None]) -> Needs:
    """What is judged on each of these resources that the parameters name."""

    def needs(given: Given) -> Iterable[Permission]:
        found = [resource for one in resources if (resource := one(given))]
        tagging = [("frauddetector:TagResource", one) for one in found[:1]] if given.get("tags") else []
        return [*((f"frauddetector:{operation}", one) for one in found or ["*"]), *tagging]

    return needs


def _of(kind: str, *members: str) -> Callable[[Given], str | None]:
    """A resource that these parameters name; None if one of them is not given."""
    return lambda given: (
        named(kind, *(given[member] for member in members)) if all(given.get(member) for member in members) else None
    )


def _rule(given: Given) -> str:
    return named("rule", *given["rule"].values())


def _model_version(given: Given) -> str | None:
    whole = all(given.get(name) for name in ("modelType", "modelId", "modelVersionNumber"))
    return named("model-version", *version_name(given)) if whole else None


def _version_and_models(operation: str) -> Needs:
    """A detector version is judged on its detector and on each model version in it."""

    def needs(given: Given) -> Iterable[Permission]:
        yield from _on(operation, _of("detector", "detectorId"))(given)
        for model in given.get("modelVersions", []):
            yield f"frauddetector:{operation}", named("model-version", *version_name(model))

    return needs


_NAMED = {"Variable": "variable", "Label": "label", "EntityType": "entity-type", "Outcome": "outcome"}
_MODEL = _of("model", "modelType", "modelId")
_EVENT_TYPE = _of("event-type", "eventTypeName")
_DETECTOR = _of("detector", "detectorId")
_VERSION = _of("detector-version", "detectorId", "detectorVersionId")
_JOB = _of("batch-prediction", "jobId")

OPERATIONS: dict[str, Needs] = {
    "CreateVariable": _on("CreateVariable"),
    "UpdateVariable": _on("UpdateVariable", _of("variable", "name")),
    **{f"Put{kind}": _on(f"Put{kind}", _of(name, "name")) for kind, name in _NAMED.items() if kind != "Variable"},
    **{f"Get{kind}s": _on(f"Get{kind}s", _of(name, "name")) for kind, name in _NAMED.items()},
    **{f"Delete{kind}": _on(f"Delete{kind}", _of(name, "name")) for kind, name in _NAMED.items()},
    **{f"{verb}EventType": _on(f"{verb}EventType", _of("event-type", "name")) for verb in ("Put", "Delete")},
    "GetEventTypes": _on("GetEventTypes", _of("event-type", "name")),
    "CreateList": _on("CreateList"),
    **{f"{verb}List": _on(f"{verb}List", _of("list", "name")) for verb in ("Update", "Delete")},
    "GetListElements": _on("GetListElements", _of("list", "name")),
    "GetListsMetadata": _on("GetListsMetadata", _of("list", "name")),
    "PutDetector": _on("PutDetector", _DETECTOR, _EVENT_TYPE),
    **{name: _on(name, _DETECTOR) for name in ("GetDetectors", "DescribeDetector", "DeleteDetector", "CreateRule")},
    "GetRules": _on("GetRules", _of("rule", "detectorId", "ruleId", "ruleVersion")),
    "UpdateRuleVersion": _on("UpdateRuleVersion", _rule),
    "DeleteRule": _on("DeleteRule", _rule),
    **{name: _version_and_models(name) for name in ("CreateDetectorVersion", "UpdateDetectorVersion")},
    **{
        name: _on(name, _VERSION)
        for name in ("GetDetectorVersion", "UpdateDetectorVersionStatus", "DeleteDetectorVersion")
    },
    "CreateModel": _on("CreateModel", _MODEL, _EVENT_TYPE),
    **{
        name: _on(name, _MODEL)
        for name in ("GetModels", "UpdateModel", "DeleteModel", "CreateModelVersion", "UpdateModelVersion")
    },
    **{
        name: _on(name, _model_version)
        for name in (
            "DescribeModelVersions",
            "GetModelVersion",
            "UpdateModelVersionStatus",
            "DeleteModelVersion",
        )
    },
    "GetEventPrediction": _on("GetEventPrediction", _DETECTOR, _VERSION, _EVENT_TYPE),
    "CreateBatchPredictionJob": _on(
        "CreateBatchPredictionJob",
        _JOB,
        _of("detector", "detectorName"),
        _of("detector-version", "detectorName", "detectorVersion"),
        _EVENT_TYPE,
    ),
    **{
        name: _on(name, _JOB)
        for name in ("GetBatchPredictionJobs", "CancelBatchPredictionJob", "DeleteBatchPredictionJob")
    },
}


def implementations(clients: Clients, **how: Any) -> tuple[Catalogue, Detectors, Models, Predictions]:
    """The parts of the service, wired together.

    Args:
        clients: what trainings and jobs do, they do in the name of their roles.
        how: `later` and `clock` of the parts that take time.
    """
    catalogue = Catalogue()
    waits = {"later": how["later"]} if "later" in how else {}
    models = Models(catalogue, how.pop("train", None) or Trainings(clients), **waits)
    detectors = Detectors(catalogue, models.versions)
    models.users.append(detectors.versions)
    return catalogue, detectors, models, Predictions(catalogue, detectors, clients, **how)


def service(clients: Clients, **how: Any) -> Service:
    """The service."""
    return Service(Wire("frauddetector"), implementations(clients, **how), OPERATIONS)
