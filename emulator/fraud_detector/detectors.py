"""Detectors, their rules, and their versions: which rules, in which order, with which models."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from emulator.errors import ServiceError
from emulator.fraud_detector import expressions
from emulator.fraud_detector.catalogue import Catalogue
from emulator.fraud_detector.shelf import Record, Shelf, in_use, need, not_in_use, page, refused, unknown

MOST_DRAFTS, MOST_MODELS, MOST_LISTS = 100, 10, 3
"""Page *limits*: drafts per detector, models per detector version, lists per rule."""
_MAY_BECOME = {("DRAFT", "ACTIVE"), ("ACTIVE", "INACTIVE"), ("INACTIVE", "ACTIVE")}
"""Page API_UpdateDetectorVersionStatus."""


class Detectors:
    """The operations on detectors.

    Args:
        catalogue: what their events and rules name.
        models: model versions, by type, id and number.
    """

    def __init__(self, catalogue: Catalogue, models: Shelf) -> None:
        self._catalogue, self._models = catalogue, models
        self.detectors = Shelf("detector", 100)
        self.rules = Shelf("rule", 5_000)
        self.versions = Shelf("detector-version", 100_000)
        self._numbers: Counter[str] = Counter()
        catalogue.users["event-type"].append(self.detectors)
        catalogue.users["outcome"].append(self.rules)
        catalogue.users["list"].append(self.rules)

    def put_detector(self, **given: Any) -> None:
        need(self._catalogue.event_types, [given["eventTypeName"]])
        name = given["detectorId"]
        if self.detectors.has(name) and self.detectors.get(name)["eventTypeName"] != given["eventTypeName"]:
            raise in_use(f"detector {name} is of another event type")
        self.detectors.put(name, **{key: value for key, value in given.items() if key != "tags"})

    def get_detectors(self, detectorId: str | None = None, **given: Any) -> dict[str, Any]:
        found = [self.detectors.get(detectorId)] if detectorId else self.detectors.all()
        return page(found, given, 10, "detectors")

    def describe_detector(self, detectorId: str, **given: Any) -> dict[str, Any]:
        found = self.detectors.get(detectorId)
        members = ("detectorVersionId", "status", "description", "lastUpdatedTime")
        shown = [{key: one[key] for key in members if key in one} for one in self.versions.all(detectorId)]
        return {**page(shown, given, 2_500, "detectorVersionSummaries"), "detectorId": detectorId, "arn": found["arn"]}

    def delete_detector(self, detectorId: str) -> None:
        for users in (self.versions, self.rules):
            not_in_use(f"detector {detectorId}", users.all(detectorId), lambda _: True)
        self.detectors.remove(detectorId)
        self._numbers.pop(detectorId, None)

    def create_rule(self, **given: Any) -> dict[str, Any]:
        detector, rule = given["detectorId"], given["ruleId"]
        need(self.detectors, [detector])
        if self.rules.all(detector, rule):
            raise refused(f"rule {rule} already exists in detector {detector}")
        return self._add_rule(detector, rule, 1, given)

    def update_rule_version(self, rule: dict[str, str], **given: Any) -> dict[str, Any]:
        detector, name = rule["detectorId"], rule["ruleId"]
        self.rules.get(detector, name, rule["ruleVersion"])
        newest = max(int(one["ruleVersion"]) for one in self.rules.all(detector, name))
        return self._add_rule(detector, name, newest + 1, given)

    def _add_rule(self, detector: str, name: str, version: int, given: dict[str, Any]) -> dict[str, Any]:
        read = expressions.read(given["expression"])
        need(self._catalogue.outcomes, given["outcomes"])
        need(self._catalogue.lists, read.lists)
        if len(read.lists) > MOST_LISTS:
            raise refused(f"rule {name}: {len(read.lists)} lists; allowed: {MOST_LISTS}")
        event_type = self._catalogue.event_types.get(self.detectors.get(detector)["eventTypeName"])
        self._known_variables(name, read, event_type, None)
        where = {"detectorId": detector, "ruleId": name, "ruleVersion": str(version)}
        kept = {key: given.get(key) for key in ("description", "expression", "language", "outcomes")}
        self.rules.add(*where.values(), **where, **kept, lists=sorted(read.lists))
        return {"rule": where}

    def _known_variables(
        self, rule: str, read: expressions.Expression, event_type: Record, models: list[dict[str, str]] | None
    ) -> None:
        """Every variable must be the event type's or a model's score; of these models alone, if they are given."""
        known = set(event_type["eventVariables"])
        if models is None:
            known |= {one["name"] for one in self._catalogue.variables.all() if one["dataSource"] == "MODEL_SCORE"}
        else:
            known |= {f"{one['modelId']}_insightscore" for one in models}
        if strange := sorted(read.variables - known):
            of = "the event type and the models" if models is None else "the event type and the version's models"
            raise refused(f"rule {rule}: ${', $'.join(strange)}; allowed: variables of {of}")

    def get_rules(
        self, detectorId: str, ruleId: str | None = None, ruleVersion: str | None = None, **given: Any
    ) -> dict[str, Any]:
        self.detectors.get(detectorId)
        found = self.rules.all(detectorId, *([ruleId] if ruleId else []), *([ruleVersion] if ruleVersion else []))
        if ruleId and not found:
            raise unknown(f"rule {ruleId} does not exist in detector {detectorId}")
        shown = [{key: value for key, value in one.items() if key != "lists"} for one in found]
        return page(shown, given, 100, "ruleDetails")

    def delete_rule(self, rule: dict[str, str]) -> None:
        users = [one for one in self.versions.all(rule["detectorId"]) if one["status"] in ("ACTIVE", "INACTIVE")]
        not_in_use(f"rule {rule['ruleId']} {rule['ruleVersion']}", users, lambda one: rule in one["rules"])
        self.rules.remove(rule["detectorId"], rule["ruleId"], rule["ruleVersion"])

    def create_detector_version(self, **given: Any) -> dict[str, Any]:
        detector = given["detectorId"]
        self.detectors.get(detector)
        if sum(one["status"] == "DRAFT" for one in self.versions.all(detector)) >= MOST_DRAFTS:
            raise refused(f"detector {detector} has {MOST_DRAFTS} drafts; allowed: {MOST_DRAFTS}")
        members = self._members(detector, given)
        self._numbers[detector] += 1
        number = str(self._numbers[detector])
        self.versions.add(detector, number, detectorId=detector, detectorVersionId=number, status="DRAFT", **members)
        return {"detectorId": detector, "detectorVersionId": number, "status": "DRAFT"}

    def update_detector_version(self, detectorId: str, detectorVersionId: str, **given: Any) -> None:
        version = self.versions.get(detectorId, detectorVersionId)
        if version["status"] != "DRAFT":
            raise in_use(f"detector version {detectorVersionId} is {version['status']}; allowed: DRAFT")
        self.versions.put(detectorId, detectorVersionId, **self._members(detectorId, given))

    def _members(self, detector: str, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("externalModelEndpoints"):
            raise ServiceError("NotImplementedException", "external models are not implemented here", 501)
        models = given.get("modelVersions", [])
        if len(models) > MOST_MODELS:
            raise refused(f"{len(models)} models; allowed: {MOST_MODELS}")
        for one in models:
            self._active(detector, one)
        event_type = self._catalogue.event_types.get(self.detectors.get(detector)["eventTypeName"])
        for rule in given["rules"]:
            if rule["detectorId"] != detector or not self.rules.has(detector, rule["ruleId"], rule["ruleVersion"]):
                raise refused(f"rule {rule['ruleId']} {rule['ruleVersion']} does not exist in detector {detector}")
            found = self.rules.get(detector, rule["ruleId"], rule["ruleVersion"])
            self._known_variables(rule["ruleId"], expressions.read(found["expression"]), event_type, models)
        return {
            "rules": given["rules"],
            "modelVersions": [{key: value for key, value in one.items() if key != "arn"} for one in models],
            "ruleExecutionMode": given.get("ruleExecutionMode", "FIRST_MATCHED"),
            "description": given.get("description"),
        }

    def _active(self, detector: str, model: dict[str, str]) -> None:
        name = version_name(model)
        if not self._models.has(*name):
            raise refused(f"model version {'/'.join(name)} does not exist")
        found = self._models.get(*name)
        if found["status"] != "ACTIVE":
            raise refused(f"model version {'/'.join(name)} is {found['status']}; allowed: ACTIVE")
        if found["eventTypeName"] != self.detectors.get(detector)["eventTypeName"]:
            raise refused(f"model version {'/'.join(name)} is of another event type than detector {detector}")

    def get_detector_version(self, detectorId: str, detectorVersionId: str) -> dict[str, Any]:
        return {"externalModelEndpoints": [], **self.versions.get(detectorId, detectorVersionId)}

    def update_detector_version_status(self, detectorId: str, detectorVersionId: str, status: str) -> None:
        version = self.versions.get(detectorId, detectorVersionId)
        if (version["status"], status) not in _MAY_BECOME:
            raise refused(f"detector version {detectorVersionId} is {version['status']} and cannot become {status}")
        if status == "ACTIVE":
            # a rule that only a draft has may have been deleted since, and a model no longer be deployed
            self._members(detectorId, version)
        for one in self.versions.all(detectorId):
            # page create-a-detector-version: "Only one detector version can be in ACTIVE status at a time"
            if status == "ACTIVE" and one["status"] == "ACTIVE":
                one["status"] = "INACTIVE"
        self.versions.put(detectorId, detectorVersionId, status=status)

    def delete_detector_version(self, detectorId: str, detectorVersionId: str) -> None:
        if self.versions.get(detectorId, detectorVersionId)["status"] == "ACTIVE":
            raise in_use(f"detector version {detectorVersionId} is ACTIVE; allowed: DRAFT, INACTIVE")
        self.versions.remove(detectorId, detectorVersionId)


def version_name(model: dict[str, str]) -> tuple[str, str, str]:
    """The name of a model version: `1.0` and `1.00` are the same.

    >>> version_name({"modelType": "ONLINE_FRAUD_INSIGHTS", "modelId": "main", "modelVersionNumber": "1.00"})
    ('ONLINE_FRAUD_INSIGHTS', 'main', '1.0')
    """
    number = re.sub(r"\.00$", ".0", model["modelVersionNumber"])
    return model["modelType"], model["modelId"], number
