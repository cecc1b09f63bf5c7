"""What events are described by: variables, labels, entity types, event types; outcomes and lists, which rules name."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError
from emulator.fraud_detector.shelf import Record, Shelf, need, not_in_use, page, refused

VARIABLE_TYPES = {
    **dict.fromkeys(("NUMERIC", "PRICE"), "FLOAT"),
    **dict.fromkeys(
        (
            *("AUTH_CODE", "AVS", "BILLING_ADDRESS_L1", "BILLING_ADDRESS_L2", "BILLING_CITY", "BILLING_COUNTRY"),
            *("BILLING_NAME", "BILLING_PHONE", "BILLING_STATE", "BILLING_ZIP", "CARD_BIN", "CATEGORICAL"),
            *("CURRENCY_CODE", "EMAIL_ADDRESS", "FINGERPRINT", "FRAUD_LABEL", "FREE_FORM_TEXT", "IP_ADDRESS"),
            *("ORDER_ID", "PAYMENT_TYPE", "PHONE_NUMBER", "PRODUCT_CATEGORY", "SHIPPING_ADDRESS_L1"),
            *("SHIPPING_ADDRESS_L2", "SHIPPING_CITY", "SHIPPING_COUNTRY", "SHIPPING_NAME", "SHIPPING_PHONE"),
            *("SHIPPING_STATE", "SHIPPING_ZIP", "USERAGENT"),
        ),
        "STRING",
    ),
}
"""{a variable type: the data type of its variables}: pages API_VariableEntry and *variables*."""
MOST_ENTRIES = 100_000


class Catalogue:
    """The operations on what events are described by. Quotas: page *limits*."""

    def __init__(self) -> None:
        self.variables = Shelf("variable", 5_000)
        self.labels = Shelf("label", 100)
        self.entity_types = Shelf("entity-type", 100)
        self.outcomes = Shelf("outcome", 5_000)
        self.event_types = Shelf("event-type", 100)
        self.lists = Shelf("list", 30)
        self.users: dict[str, list[Shelf]] = {"event-type": [], "outcome": [], "list": []}
        """{kind: what may use one of it}, told by those who keep the users."""

    def create_variable(self, **given: Any) -> None:
        name = given["name"]
        if given["dataSource"] != "EVENT":
            raise refused(f"{name}: dataSource {given['dataSource']}; the service makes those variables itself")
        kind = given.get("variableType")
        if kind is not None and VARIABLE_TYPES.get(kind) != given["dataType"]:
            allowed = VARIABLE_TYPES.get(kind, f"one of {', '.join(sorted(VARIABLE_TYPES))}")
            raise refused(f"{name}: variableType {kind} with dataType {given['dataType']}; allowed: {allowed}")
        value_of({"name": name, "dataType": given["dataType"]}, given["defaultValue"])
        self.variables.add(name, **_untagged(given))

    def update_variable(self, **given: Any) -> None:
        self.variables.get(given["name"])
        self.variables.put(given["name"], **given)

    def get_variables(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        return _listed(self.variables, name, given, 100, "variables")

    def delete_variable(self, name: str) -> None:
        if self.variables.has(name) and self.variables.get(name)["dataSource"] != "EVENT":
            raise refused(f"{name}: the service deletes it with its model")
        not_in_use(f"variable {name}", self.event_types.all(), lambda one: name in one["eventVariables"])
        self.variables.remove(name)

    def put_label(self, **given: Any) -> None:
        self.labels.put(given["name"], **_untagged(given))

    def get_labels(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        return _listed(self.labels, name, given, 50, "labels")

    def delete_label(self, name: str) -> None:
        not_in_use(f"label {name}", self.event_types.all(), lambda one: name in one.get("labels", []))
        self.labels.remove(name)

    def put_entity_type(self, **given: Any) -> None:
        self.entity_types.put(given["name"], **_untagged(given))

    def get_entity_types(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        return _listed(self.entity_types, name, given, 10, "entityTypes")

    def delete_entity_type(self, name: str) -> None:
        not_in_use(f"entity type {name}", self.event_types.all(), lambda one: name in one["entityTypes"])
        self.entity_types.remove(name)

    def put_outcome(self, **given: Any) -> None:
        self.outcomes.put(given["name"], **_untagged(given))

    def get_outcomes(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        return _listed(self.outcomes, name, given, 100, "outcomes")

    def delete_outcome(self, name: str) -> None:
        for users in self.users["outcome"]:
            not_in_use(f"outcome {name}", users.all(), lambda one: name in one["outcomes"])
        self.outcomes.remove(name)

    def put_event_type(self, **given: Any) -> None:
        if (given.get("eventOrchestration") or {}).get("eventBridgeEnabled"):
            raise ServiceError("NotImplementedException", "events to EventBridge are not implemented here", 501)
        if given.get("eventIngestion") == "ENABLED":
            raise ServiceError("NotImplementedException", "stored events are not implemented here", 501)
        need(self.variables, given["eventVariables"])
        need(self.labels, given.get("labels", []))
        need(self.entity_types, given["entityTypes"])
        name = given["name"]
        if self.event_types.has(name):
            known = self.event_types.get(name)
            for member in ("eventVariables", "labels"):
                # page event-type: "Once added, variables cannot be removed from an event type", and labels neither
                if gone := sorted(set(known.get(member, [])) - set(given.get(member, []))):
                    raise refused(f"{name}: {', '.join(gone)}: {member} cannot be removed from an event type")
        self.event_types.put(name, eventIngestion="DISABLED", **_untagged(given, "eventIngestion"))

    def get_event_types(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        return _listed(self.event_types, name, given, 10, "eventTypes")

    def delete_event_type(self, name: str) -> None:
        for users in self.users["event-type"]:
            not_in_use(f"event type {name}", users.all(), lambda one: one["eventTypeName"] == name)
        self.event_types.remove(name)

    def create_list(self, **given: Any) -> None:
        entries = list(dict.fromkeys(given.get("elements", [])))
        self.lists.add(given["name"], entries=entries, **_untagged(given, "elements"))

    def update_list(self, name: str, updateMode: str = "REPLACE", **given: Any) -> None:
        known = self.lists.get(name)
        if "elements" in given:
            asked = given["elements"]
            if updateMode == "REMOVE":
                entries = [one for one in known["entries"] if one not in set(asked)]
            else:
                entries = list(dict.fromkeys([*(known["entries"] if updateMode == "APPEND" else []), *asked]))
            if len(entries) > MOST_ENTRIES:
                raise refused(f"list {name}: {len(entries)} entries; allowed: {MOST_ENTRIES}")
            self.lists.put(name, entries=entries)
        self.lists.put(name, description=given.get("description"), variableType=given.get("variableType"))

    def get_lists_metadata(self, name: str | None = None, **given: Any) -> dict[str, Any]:
        found = [self.lists.get(name)] if name else self.lists.all()
        shown = [{**one, "updatedTime": one["lastUpdatedTime"]} for one in found]
        members = ("name", "description", "variableType", "createdTime", "updatedTime", "arn")
        return page([{key: one[key] for key in members if key in one} for one in shown], given, 50, "lists")

    def get_list_elements(self, name: str, **given: Any) -> dict[str, Any]:
        entries = page([{"value": one} for one in self.lists.get(name)["entries"]], given, 5_000, "elements")
        return {**entries, "elements": [one["value"] for one in entries["elements"]]}

    def delete_list(self, name: str) -> None:
        for users in self.users["list"]:
            not_in_use(f"list {name}", users.all(), lambda one: name in one["lists"])
        self.lists.remove(name)


def value_of(variable: Record, text: str) -> Any:
    """A variable's value of what an event says.

    Raises:
        ServiceError: it is none of the variable's data type.

    >>> value_of({"name": "amount", "dataType": "FLOAT"}, "12.50")
    12.5
    """
    kind = variable["dataType"]
    try:
        if kind in ("FLOAT", "INTEGER"):
            return float(text) if kind == "FLOAT" else int(text)
    except ValueError:
        raise refused(f"variable {variable['name']}: a value that is not of the data type {kind}") from None
    if kind == "BOOLEAN":
        if text.lower() not in ("true", "false"):
            raise refused(f"variable {variable['name']}: a value that is not of the data type {kind}")
        return text.lower() == "true"
    return text


def _untagged(given: dict[str, Any], *but: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("tags", *but)}


def _listed(shelf: Shelf, name: str | None, given: dict[str, Any], most: int, answer: str) -> dict[str, Any]:
    return page([shelf.get(name)] if name else shelf.all(), given, most, answer)
