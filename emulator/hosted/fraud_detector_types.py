"""Fraud Detector's resource types, by the calls that CloudFormation would make. What an event type has inline is made with it.

Pages *aws-resource-frauddetector-...*: the reference to each is its ARN. Models and their versions have no type.
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


def types(clients: Clients) -> Mapping[str, dict[str, Callable[..., Any]]]:
    """{type: how CloudFormation makes it}; a detector, whose rules may need a model's score, is not among them."""

    def refused(*_: Any) -> Made:
        raise ValueError("AWS::FraudDetector::Detector is not implemented here")

    made = {kind: _Type(clients, kind) for kind in _KINDS}
    return {
        **{
            f"AWS::FraudDetector::{kind}": {"create": one.create, "update": one.update, "delete": one.delete}
            for kind, one in made.items()
        },
        "AWS::FraudDetector::Detector": {"create": refused, "update": refused, "delete": lambda *_: None},
    }


def _inline(properties: Properties) -> Iterator[tuple[str, Properties]]:
    """(kind, properties) of what is made with an event type."""
    for member, kind in _INLINE.items():
        for one in properties.get(member) or []:
            if str(one.get("Inline", False)).lower() == "true":
                dropped = ("Inline", "Arn", "CreatedTime", "LastUpdatedTime")
                yield kind, {name: value for name, value in one.items() if name not in dropped}


def _flat(properties: Properties) -> Properties:
    """An event type names what it has: by an ARN, or by the name of what is inline."""
    lists = {
        member: [str(one.get("Name") or one["Arn"].rsplit("/", 1)[-1]) for one in properties[member]]
        for member in _INLINE
        if member in properties
    }
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
