"""Fraud Detector's resource types, by the calls that CloudFormation would make. What an event type has inline is made with it.

Pages *aws-resource-frauddetector-...*: the reference to each is its ARN. Models and their versions have no type. What a detector
becomes is as in the type's own source (aws-cloudformation-resource-providers-frauddetector): each update is another version.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.clients import Clients
from emulator.fraud_detector.shelf import named
from emulator.protocol.shapes import coerce
from emulator.protocol.wire import method_name, service_model

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]
_INLINE = {"EventVariables": "Variable", "Labels": "Label", "EntityTypes": "EntityType"}
"""{a list of an event type: of what}."""
_DROPPED = ("Inline", "Arn", "CreatedTime", "LastUpdatedTime")
_KINDS = {
    "Variable": ("Create", "Update", "variable"),
    "Label": ("Put", "Put", "label"),
    "EntityType": ("Put", "Put", "entity-type"),
    "Outcome": ("Put", "Put", "outcome"),
    "List": ("Create", "Update", "list"),
    "EventType": ("Put", "Put", "event-type"),
}
"""{a type: (what makes one, what changes one, as its ARN has it)}."""


@dataclass(frozen=True)
class _Type:
    clients: Clients
    kind: str

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        name = properties.get("Name") or f"{logical_id}_{uuid.uuid4().hex[:8]}".lower()
        for kind, inner in _inline(properties):
            _call(self.clients, _KINDS[kind][0], kind, inner)
        _call(self.clients, _KINDS[self.kind][0], self.kind, {**_flat(properties), "Name": name})
        return self._made(name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        if new.get("Name") != old.get("Name"):
            return self.create(physical_id, new, stack)
        known = {inner["Name"] for _, inner in _inline(old)}
        for kind, inner in _inline(new):
            if inner["Name"] not in known:
                _call(self.clients, _KINDS[kind][0], kind, inner)
        name = physical_id.rsplit("/", 1)[-1]
        shown = {key: value for key, value in _flat(new).items() if key != "Tags"}
        if self.kind == "Variable":
            if any(old.get(member) != new.get(member) for member in ("DataSource", "DataType")):
                raise ValueError(f"{name}: DataSource and DataType cannot be changed without another name")
            shown = {key: value for key, value in shown.items() if key not in ("DataSource", "DataType")}
        _call(self.clients, _KINDS[self.kind][1], self.kind, {**shown, "Name": name})
        return self._made(name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        _delete(self.clients, self.kind, physical_id.rsplit("/", 1)[-1])
        for kind, inner in _inline(properties):
            _delete(self.clients, kind, inner["Name"])

    def _made(self, name: str) -> Made:
        arn = named(_KINDS[self.kind][2], name)
        return arn, {"Arn": arn}


class _Detector:
    """A detector with one version: its rules, and the model versions that stand already."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._event_types = clients, _Type(clients, "EventType")

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        event, name = properties["EventType"], properties["DetectorId"]
        if _truth(event.get("Inline")):
            self._event_types.create(logical_id, {key: event[key] for key in event if key not in _DROPPED}, stack)
        for outcome in self._outcomes(properties):
            _call(self._clients, "Put", "Outcome", outcome)
        self._client.put_detector(detectorId=name, eventTypeName=_name(event), **_description(properties))
        self._version(name, properties, [self._rule(name, one) for one in properties["Rules"]])
        return self._made(name)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        name = physical_id.rsplit("/", 1)[-1]
        if new["DetectorId"] != name:
            return self.create(physical_id, new, stack)
        if old["EventType"] != new["EventType"]:
            raise ValueError(f"{name}: the event type of a detector cannot be changed here")
        known = {outcome["Name"] for outcome in self._outcomes(old)}
        for outcome in self._outcomes(new):
            if outcome["Name"] not in known:
                _call(self._clients, "Put", "Outcome", outcome)
        there = {one["ruleId"]: one for one in self._client.get_rules(detectorId=name)["ruleDetails"]}
        self._version(name, new, [self._rule(name, one, there.get(one["RuleId"])) for one in new["Rules"]])
        return self._made(name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        name = physical_id.rsplit("/", 1)[-1]
        for version in self._client.describe_detector(detectorId=name)["detectorVersionSummaries"]:
            place = {"detectorId": name, "detectorVersionId": version["detectorVersionId"]}
            if version["status"] == "ACTIVE":
                self._client.update_detector_version_status(**place, status="INACTIVE")
            self._client.delete_detector_version(**place)
        for rule in self._client.get_rules(detectorId=name)["ruleDetails"]:
            named_ = {member: rule[member] for member in ("detectorId", "ruleId", "ruleVersion")}
            self._client.delete_rule(rule=named_)
        self._client.delete_detector(detectorId=name)
        for outcome in self._outcomes(properties):
            _delete(self._clients, "Outcome", outcome["Name"])
        event = properties["EventType"]
        if _truth(event.get("Inline")):
            self._event_types.delete(named("event-type", _name(event)), event)

    @property
    def _client(self) -> Any:
        return self._clients.admin("frauddetector")

    def _rule(self, detector: str, rule: Properties, there: Mapping[str, Any] | None = None) -> Any:
        """Makes a rule, or a version of one that is there, unless it is that already."""
        given = {
            "expression": rule["Expression"],
            "language": rule["Language"],
            "outcomes": [_name(one) for one in rule["Outcomes"]],
        }
        if there is None:
            return self._client.create_rule(detectorId=detector, ruleId=rule["RuleId"], **given)["rule"]
        place = {member: there[member] for member in ("detectorId", "ruleId", "ruleVersion")}
        if all(there[member] == value for member, value in given.items()):
            return place
        return self._client.update_rule_version(rule=place, **given)["rule"]

    def _version(self, detector: str, properties: Properties, rules: list[Any]) -> None:
        models = [one["Arn"].rsplit("/", 3)[1:] for one in properties.get("AssociatedModels") or []]
        members = ("modelType", "modelId", "modelVersionNumber")
        made = self._client.create_detector_version(
            detectorId=detector,
            rules=rules,
            modelVersions=[dict(zip(members, parts, strict=True)) for parts in models],
            ruleExecutionMode=properties.get("RuleExecutionMode", "FIRST_MATCHED"),
        )
        if properties.get("DetectorVersionStatus") == "ACTIVE":
            self._client.update_detector_version_status(
                detectorId=detector, detectorVersionId=made["detectorVersionId"], status="ACTIVE"
            )

    def _outcomes(self, properties: Properties) -> list[Properties]:
        found = [one for rule in properties["Rules"] for one in rule["Outcomes"] if _truth(one.get("Inline"))]
        inline = {one["Name"]: {key: one[key] for key in one if key not in _DROPPED} for one in found}
        return list(inline.values())

    def _made(self, name: str) -> Made:
        arn = named("detector", name)
        return arn, {"Arn": arn}


def types(clients: Clients) -> Mapping[str, dict[str, Callable[..., Any]]]:
    """{type: how CloudFormation makes it}."""
    made: dict[str, _Type | _Detector] = {kind: _Type(clients, kind) for kind in _KINDS}
    made["Detector"] = _Detector(clients)
    return {
        f"AWS::FraudDetector::{kind}": {"create": one.create, "update": one.update, "delete": one.delete}
        for kind, one in made.items()
    }


def _truth(value: Any) -> bool:
    """A flag, which a template may have as text."""
    return str(value).lower() == "true"


def _name(one: Properties) -> str:
    """What something is called that is referred to by its ARN, or inline."""
    return str(one.get("Name") or one["Arn"].rsplit("/", 1)[-1])


def _description(properties: Properties) -> Properties:
    return {"description": properties["Description"]} if properties.get("Description") else {}


def _inline(properties: Properties) -> Iterator[tuple[str, Properties]]:
    """(kind, properties) of what is made with an event type."""
    for member, kind in _INLINE.items():
        for one in properties.get(member) or []:
            if _truth(one.get("Inline")):
                yield kind, {name: value for name, value in one.items() if name not in _DROPPED}


def _flat(properties: Properties) -> Properties:
    """An event type names what it has: by an ARN, or by the name of what is inline."""
    lists = {member: [_name(one) for one in properties[member]] for member in _INLINE if member in properties}
    return {**properties, **lists}


def _call(clients: Clients, verb: str, kind: str, properties: Properties) -> None:
    operation = f"{verb}{kind}"
    shape = service_model("frauddetector").operation_model(operation).input_shape
    members = {name.lower(): name for name in shape.members}
    unknown = {name for name in properties if name.lower() not in members}
    if unknown:
        raise ValueError(f"{operation} has no {', '.join(sorted(unknown))}")
    given = {members[name.lower()]: value for name, value in properties.items()}
    given["tags"] = [{name.lower(): value for name, value in tag.items()} for tag in given.get("tags") or []] or None
    client = clients.admin("frauddetector")
    present = {name: value for name, value in given.items() if value is not None}
    getattr(client, method_name(operation))(**coerce(shape, present))


def _delete(clients: Clients, kind: str, name: str) -> None:
    client = clients.admin("frauddetector")
    getattr(client, method_name(f"Delete{kind}"))(name=name)
