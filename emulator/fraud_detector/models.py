"""Models and their versions. A training reads its file as the service would, and then learns nothing: nothing here scores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from emulator.errors import ServiceError
from emulator.fraud_detector.catalogue import Catalogue
from emulator.fraud_detector.detectors import version_name
from emulator.fraud_detector.shelf import (
    Record,
    Shelf,
    in_use,
    need,
    not_in_use,
    page,
    refused,
    unknown,
    without,
)
from emulator.fraud_detector.training import TrainingError

MOST_VERSIONS, MOST_DEPLOYED, MOST_TRAININGS = 200, 5, 3
"""Page *limits*: versions per model; deployed versions and concurrent trainings per account; one training per model."""
LEAST_VARIABLES, MOST_VARIABLES = 2, 100
"""Page *creating-csv-file*, of Online Fraud Insights."""
SIMULTANEOUS = "Simultaneous training for the same major version"
HIGHEST_MINOR = 99
"""Type floatVersionString: `1.99` has no successor that the service could write."""
DEPLOYING_S = 0.3
_MAY_BECOME = {
    ("TRAINING_IN_PROGRESS", "TRAINING_CANCELLED"): ("TRAINING_CANCELLED",),
    ("TRAINING_COMPLETE", "ACTIVE"): ("ACTIVATE_REQUESTED", "ACTIVATE_IN_PROGRESS", "ACTIVE"),
    ("ACTIVE", "INACTIVE"): ("INACTIVATE_REQUESTED", "INACTIVATE_IN_PROGRESS", "INACTIVE"),
}
"""{(status, asked for): what it becomes, one after the other}: pages API_UpdateModelVersionStatus, API_GetModelVersion."""
_AT_REST = ("TRAINING_COMPLETE", "INACTIVE", "ERROR", "TRAINING_CANCELLED")
_DEPLOYED = ("ACTIVATE_REQUESTED", "ACTIVATE_IN_PROGRESS", "ACTIVE")

Later = Callable[[float, Callable[[], None]], None]
"""Does something after so many seconds, beside what goes on."""


def later(seconds: float, what: Callable[[], None]) -> None:
    """Does it in a thread of its own."""
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()


class Models:
    """The operations on models.

    Args:
        train: reads the file of a version as the service would; raises TrainingError if it does not train on it.
        later: does what takes the service a while.
    """

    def __init__(self, catalogue: Catalogue, train: Callable[[Record, Record], None], later: Later = later) -> None:
        self._catalogue, self._train, self._later = catalogue, train, later
        self.models, self.versions = Shelf("model", 50), Shelf("model-version", 100_000)
        self.users: list[Shelf] = []
        """The detector versions, told by whoever wires this."""
        catalogue.users["event-type"].append(self.models)
        self._lock = threading.RLock()

    def create_model(self, **given: Any) -> None:
        need(self._catalogue.event_types, [given["eventTypeName"]])
        self.models.add(
            given["modelType"], given["modelId"], **{key: value for key, value in given.items() if key != "tags"}
        )
        self._catalogue.variables.put(
            f"{given['modelId']}_insightscore",
            name=f"{given['modelId']}_insightscore",
            dataType="FLOAT",
            dataSource="MODEL_SCORE",
            defaultValue="0.0",
        )

    def update_model(self, modelId: str, modelType: str, description: str | None = None) -> None:
        self.models.get(modelType, modelId)
        self.models.put(modelType, modelId, description=description)

    def get_models(self, modelId: str | None = None, modelType: str | None = None, **given: Any) -> dict[str, Any]:
        if modelId and not modelType:
            raise refused("modelId without modelType; allowed: both, or the type alone, or neither")
        found = [self.models.get(str(modelType), modelId)] if modelId else self.models.all(*_given(modelType))
        return page(found, given, 10, "models")

    def delete_model(self, modelId: str, modelType: str) -> None:
        not_in_use(f"model {modelId}", self.versions.all(modelType, modelId), lambda _: True)
        self.models.remove(modelType, modelId)
        # page delete-resources: "will automatically delete model output variables when you delete the model"
        self._catalogue.variables.remove(f"{modelId}_insightscore")

    def create_model_version(self, **given: Any) -> dict[str, Any]:
        kind, model = given["modelType"], given["modelId"]
        if not self.models.has(kind, model):
            raise unknown(f"model {model} does not exist")
        self._check_source(kind, given["trainingDataSource"], given.get("externalEventsDetail"))
        self._check_schema(kind, model, given["trainingDataSchema"])
        with self._lock:
            self._check_trainings(kind, model)
            majors = [int(one["modelVersionNumber"].partition(".")[0]) for one in self.versions.all(kind, model)]
            kept = ("trainingDataSource", "trainingDataSchema", "externalEventsDetail")
            members = {name: given[name] for name in kept}
            return self._start(kind, model, f"{max([*majors, 0]) + 1}.0", members)

    def update_model_version(self, **given: Any) -> dict[str, Any]:
        kind, model, major = given["modelType"], given["modelId"], given["majorVersionNumber"]
        known = [one for one in self.versions.all(kind, model) if _major(one) == int(major)]
        if not known:
            raise unknown(f"model {model} has no version {major}")
        newest = max(known, key=_minor)
        self._check_source(kind, newest["trainingDataSource"], given.get("externalEventsDetail"))
        with self._lock:
            if any(one["status"] == "TRAINING_IN_PROGRESS" for one in known):
                raise refused(f"{SIMULTANEOUS} is not supported: model {model}, version {major}")
            self._check_trainings(kind, model)
            if not any(one["status"] in ("TRAINING_COMPLETE", *_DEPLOYED, "INACTIVE") for one in known):
                raise refused(f"model {model}: no training of version {major} is complete, so none can be updated")
            if _minor(newest) >= HIGHEST_MINOR:
                raise refused(f"model {model}: version {major}.{HIGHEST_MINOR} is the last of version {major}")
            members = {name: newest[name] for name in ("trainingDataSource", "trainingDataSchema")}
            members["externalEventsDetail"] = given["externalEventsDetail"]
            return self._start(kind, model, f"{int(major)}.{_minor(newest) + 1:02d}", members)

    def _check_source(self, kind: str, source: str, external: Record | None) -> None:
        if source != "EXTERNAL_EVENTS":
            raise ServiceError("NotImplementedException", "stored events are not implemented here", 501)
        if kind != "ONLINE_FRAUD_INSIGHTS":
            # page uploading-event-data-to-an-s3-bucket; Account Takeover Insights learns from stored events, too
            raise refused(f"{kind} does not support datasets stored externally with Amazon S3")
        if external is None:
            raise refused("externalEventsDetail is required, for trainingDataSource is EXTERNAL_EVENTS")

    def _check_schema(self, kind: str, model: str, schema: Record) -> None:
        event_type = self._catalogue.event_types.get(self.models.get(kind, model)["eventTypeName"])
        names = schema["modelVariables"]
        if strange := sorted(set(names) - set(event_type["eventVariables"])):
            raise refused(f"modelVariables: {', '.join(strange)}; allowed: variables of {event_type['name']}")
        if not LEAST_VARIABLES <= len(set(names)) == len(names) <= MOST_VARIABLES:
            raise refused(f"{len(names)} modelVariables; allowed: {LEAST_VARIABLES} to {MOST_VARIABLES}, each once")
        mapper = (schema.get("labelSchema") or {}).get("labelMapper") or {}
        if set(mapper) != {"FRAUD", "LEGIT"} or not all(mapper.values()):
            raise refused("labelMapper; allowed: labels of the event type for FRAUD and for LEGIT")
        if strange := sorted({label for labels in mapper.values() for label in labels} - set(event_type["labels"])):
            raise refused(f"labelMapper: {', '.join(strange)}; allowed: labels of {event_type['name']}")

    def _check_trainings(self, kind: str, model: str) -> None:
        if len(self.versions.all(kind, model)) >= MOST_VERSIONS:
            raise refused(f"model {model} has {MOST_VERSIONS} versions; allowed: {MOST_VERSIONS}")
        running = [one for one in self.versions.all() if one["status"] == "TRAINING_IN_PROGRESS"]
        if any((one["modelType"], one["modelId"]) == (kind, model) for one in running):
            raise refused(f"model {model} has a training job; allowed: 1 concurrent training job per model")
        if len(running) >= MOST_TRAININGS:
            raise refused(f"{len(running)} training jobs; allowed: {MOST_TRAININGS} concurrent ones per account")

    def _start(self, kind: str, model: str, number: str, members: Record) -> dict[str, Any]:
        named = {"modelId": model, "modelType": kind, "modelVersionNumber": number}
        event_type = self.models.get(kind, model)["eventTypeName"]
        version = self.versions.add(
            kind, model, number, **named, status="TRAINING_IN_PROGRESS", eventTypeName=event_type, **members
        )
        self._later(0, lambda: self._trained(version))
        return {**named, "status": version["status"]}

    def _trained(self, version: Record) -> None:
        message, status = None, "TRAINING_COMPLETE"
        try:
            self._train(version, self._catalogue.event_types.get(version["eventTypeName"]))
        except (TrainingError, ServiceError) as error:
            message, status = str(error), "ERROR"
        with self._lock:
            if version["status"] != "TRAINING_IN_PROGRESS":
                return
            if message:
                told = {"title": "The training failed", "content": message, "type": "ERROR"}
                version["trainingResult"] = {"dataValidationMetrics": {"fileLevelMessages": [told]}}
            self.versions.put(*_name(version), status=status)

    def update_model_version_status(self, status: str, **given: Any) -> None:
        with self._lock:
            version = self._version(given)
            becomes = _MAY_BECOME.get((version["status"], status))
            if becomes is None:
                raise refused(f"model version {_name(version)} is {version['status']} and cannot become {status}")
            if status == "ACTIVE" and sum(one["status"] in _DEPLOYED for one in self.versions.all()) >= MOST_DEPLOYED:
                raise refused(f"{MOST_DEPLOYED} model versions are deployed; allowed: {MOST_DEPLOYED} per account")
            if status == "INACTIVE":
                self._not_used(version)
            self._become(version, becomes)

    def _become(self, version: Record, statuses: tuple[str, ...]) -> None:
        self.versions.put(*_name(version), status=statuses[0])
        if statuses[1:]:
            self._later(DEPLOYING_S, lambda: self._become(version, statuses[1:]))

    def get_model_version(self, **given: Any) -> dict[str, Any]:
        return dict(self._version(given))

    def describe_model_versions(
        self,
        modelId: str | None = None,
        modelType: str | None = None,
        modelVersionNumber: str | None = None,
        **given: Any,
    ) -> dict[str, Any]:
        asked = {"modelId": modelId, "modelType": modelType, "modelVersionNumber": modelVersionNumber}
        if modelVersionNumber:
            return page(without([self._version(asked)], "eventTypeName"), given, 10, "modelVersionDetails")
        if modelId and not modelType:
            raise refused("modelId without modelType; allowed: both, or the type alone, or neither")
        if modelId and not self.models.has(str(modelType), modelId):
            raise unknown(f"model {modelId} does not exist")
        found = self.versions.all(*_given(modelType), *_given(modelId))
        return page(without(found, "eventTypeName"), given, 10, "modelVersionDetails")

    def delete_model_version(self, **given: Any) -> None:
        if not self.versions.has(*version_name(given)):
            # page API_DeleteModelVersion knows no ResourceNotFoundException
            raise refused(f"model version {'/'.join(version_name(given))} does not exist")
        version = self._version(given)
        self._not_used(version)
        if version["status"] not in _AT_REST:
            raise in_use(f"model version {_name(version)} is {version['status']}; allowed: {', '.join(_AT_REST)}")
        self.versions.remove(*_name(version))

    def _not_used(self, version: Record) -> None:
        name = _name(version)
        for users in self.users:
            not_in_use(
                f"model version {'/'.join(name)}",
                users.all(),
                lambda one: any(version_name(each) == name for each in one["modelVersions"]),
            )

    def _version(self, given: dict[str, Any]) -> Record:
        name = version_name(given)
        if not self.versions.has(*name):
            raise unknown(f"model version {'/'.join(name)} does not exist")
        return self.versions.get(*name)


def _given(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _name(version: Record) -> tuple[str, str, str]:
    return version["modelType"], version["modelId"], version["modelVersionNumber"]


def _major(version: Record) -> int:
    return int(version["modelVersionNumber"].partition(".")[0])


def _minor(version: Record) -> int:
    return int(version["modelVersionNumber"].partition(".")[2])
