"""Glue's resource types, by the calls that CloudFormation would make. Those that are not in the table are refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.clients import Clients
from emulator.glue.records import named
from emulator.protocol.shapes import coerce
from emulator.protocol.wire import method_name, service_model

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

REFUSED = ("Trigger", "Workflow", "Connection", "Partition", "DevEndpoint", "MLTransform", "Registry", "Schema")
"""Types that the emulator beneath writes down, where no call of Glue's would find them."""


@dataclass(frozen=True)
class GlueType:
    """A type that one call creates, one updates and one deletes.

    Attributes:
        kind: as in the operations' names.
        name: a template's properties -> the name that they give it; empty for none.
        given: (name, a template's properties) -> the parameters of its creation.
        changed: the same, of its update; None where a change makes it anew.
        deleted: the same, of its deletion.
        kept: the properties whose change makes it anew.
    """

    clients: Clients
    kind: str
    name: Callable[[Properties], str]
    given: Callable[[str, Properties], Properties]
    changed: Callable[[str, Properties], Properties] | None
    deleted: Callable[[str, Properties], Properties]
    kept: tuple[str, ...] = ()

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        name = self.name(properties) or f"{logical_id}-{uuid.uuid4().hex[:12]}"
        self._call("Create", self.given(name, properties))
        return name, {"Arn": named(self.kind.lower(), name), "Name": name}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        name = self.name(new) or physical_id
        if self.changed is None or name != physical_id or any(old.get(one) != new.get(one) for one in self.kept):
            if name == physical_id:
                raise ValueError(
                    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                    f"Rename {physical_id} and update the stack again."
                )
            return self.create(physical_id, new, stack)
        self._call("Update", self.changed(name, new))
        return physical_id, {"Arn": named(self.kind.lower(), name), "Name": name}

    def delete(self, physical_id: str, properties: Properties) -> None:
        glue = self.clients.admin("glue")
        try:
            self._call("Delete", self.deleted(physical_id, properties))
        except glue.exceptions.EntityNotFoundException:
            return  # whoever deleted it before has done what is wanted

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """As CloudFormation calls them."""
        return {"create": self.create, "update": self.update, "delete": self.delete}

    def _call(self, verb: str, properties: Properties) -> None:
        operation = f"{verb}{self.kind}"
        shape = service_model("glue").operation_model(operation).input_shape
        unknown = {key.lower() for key in properties} - {name.lower() for name in shape.members}
        if unknown:
            raise ValueError(f"{operation} has no {', '.join(sorted(unknown))}")
        getattr(self.clients.admin("glue"), method_name(operation))(**coerce(shape, properties))


def types(clients: Clients) -> Mapping[str, dict[str, Callable[..., Any]]]:
    """{type: how CloudFormation makes it}."""
    made = {
        "Database": GlueType(
            clients,
            "Database",
            lambda properties: str(properties["DatabaseInput"].get("Name", "")).lower(),
            lambda name, properties: {**properties, "DatabaseInput": {**properties["DatabaseInput"], "Name": name}},
            lambda name, properties: {**properties, "Name": name},
            lambda name, properties: {"Name": name, **_only(properties, "CatalogId")},
        ),
        "Table": GlueType(
            clients,
            "Table",
            lambda properties: str(properties["TableInput"].get("Name", "")).lower(),
            lambda name, properties: {**properties, "TableInput": {**properties["TableInput"], "Name": name}},
            lambda name, properties: properties,
            lambda name, properties: {"Name": name, **_only(properties, "CatalogId", "DatabaseName")},
            kept=("DatabaseName", "CatalogId"),
        ),
        "Classifier": GlueType(clients, "Classifier", _classifier_name, _classifier, _classifier, _by("Name")),
        "Crawler": GlueType(clients, "Crawler", _named, _crawler, _crawler_change, _by("Name")),
        "Job": GlueType(
            clients,
            "Job",
            _named,
            lambda name, properties: {**properties, "Name": name},
            lambda name, properties: {"JobName": name, "JobUpdate": _without(properties, "Name", "Tags")},
            _by("JobName"),
        ),
        "SecurityConfiguration": GlueType(
            clients,
            "SecurityConfiguration",
            _named,
            lambda name, properties: {
                **properties,
                "EncryptionConfiguration": _encryption(properties["EncryptionConfiguration"]),
            },
            None,
            _by("Name"),
        ),
    }
    found = {f"AWS::Glue::{kind}": one.handlers() for kind, one in made.items()}
    return found | {f"AWS::Glue::{kind}": _refused(kind) for kind in REFUSED}


def _refused(kind: str) -> dict[str, Callable[..., Any]]:
    def create(*_: Any) -> Made:
        raise ValueError(f"AWS::Glue::{kind} is not implemented here")

    return {"create": create, "update": create, "delete": lambda *_: None}


def _named(properties: Properties) -> str:
    return str(properties.get("Name", ""))


def _by(member: str) -> Callable[[str, Properties], Properties]:
    return lambda name, _: {member: name}


def _only(properties: Properties, *names: str) -> Properties:
    return {name: properties[name] for name in names if name in properties}


def _without(properties: Properties, *names: str) -> Properties:
    return {name: value for name, value in properties.items() if name not in names}


def _classifier_name(properties: Properties) -> str:
    return next((str(inner.get("Name", "")) for inner in properties.values()), "")


def _classifier(name: str, properties: Properties) -> Properties:
    """The template calls CustomDatatypes otherwise."""
    renamed = {}
    for kind, inner in properties.items():
        if "CustomDatatypes" in inner:
            raise ValueError(f"{kind} has no CustomDatatypes; the template's name is ContainsCustomDatatype")
        types_ = {"CustomDatatypes": inner["ContainsCustomDatatype"]} if "ContainsCustomDatatype" in inner else {}
        renamed[kind] = {**_without(inner, "ContainsCustomDatatype"), **types_, "Name": name}
    return renamed


def _crawler(name: str, properties: Properties) -> Properties:
    schedule = (properties.get("Schedule") or {}).get("ScheduleExpression")
    return {**_without(properties, "Schedule"), "Name": name, **({"Schedule": schedule} if schedule else {})}


def _crawler_change(name: str, properties: Properties) -> Properties:
    return _without(_crawler(name, properties), "Tags")


def _encryption(given: Properties) -> Properties:
    """The template names the list of S3 otherwise."""
    renamed = {"S3Encryptions": "S3Encryption"}
    return {renamed.get(name, name): value for name, value in given.items()}
