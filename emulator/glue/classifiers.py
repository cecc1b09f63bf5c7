"""Custom classifiers. Those for CSV are implemented; a crawler asks them before its built-in ones."""

from __future__ import annotations

from typing import Any

from emulator.clock import now
from emulator.errors import ServiceError
from emulator.glue.records import Records, page

TYPES = {
    "BINARY": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DECIMAL": "decimal",
    "DOUBLE": "double",
    "FLOAT": "float",
    "INT": "int",
    "LONG": "bigint",
    "SHORT": "smallint",
    "STRING": "string",
    "TIMESTAMP": "timestamp",
}
"""{a custom data type: the type of a column in the catalogue}; page *API_CsvClassifier* lists them."""


class Classifiers:
    """The operations on classifiers."""

    def __init__(self) -> None:
        self._records = Records("Classifier")

    def create_classifier(self, CsvClassifier: dict[str, Any] | None = None, **others: Any) -> None:
        given = _csv(CsvClassifier, others)
        at = now()
        self._records.add(given["Name"], {**given, "CreationTime": at, "LastUpdated": at, "Version": 1})

    def update_classifier(self, CsvClassifier: dict[str, Any] | None = None, **others: Any) -> None:
        given = _csv(CsvClassifier, others)
        record = self._records.get(given["Name"])
        # what an update leaves out stays: page *API_UpdateCsvClassifierRequest* requires the name alone
        record.update({**given, "LastUpdated": now(), "Version": record["Version"] + 1})

    def get_classifier(self, Name: str) -> dict[str, Any]:
        return {"Classifier": {"CsvClassifier": self._records.get(Name)}}

    def get_classifiers(self, **given: Any) -> dict[str, Any]:
        return page([{"CsvClassifier": one} for one in self._records.all()], "Classifiers", given)

    def delete_classifier(self, Name: str) -> None:
        self._records.remove(Name)

    def of(self, names: list[str]) -> list[dict[str, Any]]:
        """The classifiers of these names; raises ServiceError for one that is not there."""
        return [self._records.get(name) for name in names]


def _csv(given: dict[str, Any] | None, others: dict[str, Any]) -> dict[str, Any]:
    if given is None or others:
        what = ", ".join(sorted(others)) or "no classifier"
        raise ServiceError("NotImplementedException", f"{what}: only a CsvClassifier is implemented here", 501)
    types = given.get("CustomDatatypes") or []
    if wrong := [one for one in types if one not in TYPES]:
        raise ServiceError(
            "InvalidInputException", f"CustomDatatypes: {wrong[0]} is no data type; allowed: {', '.join(TYPES)}"
        )
    header = given.get("Header") or []
    if types and header and len(types) != len(header):
        raise ServiceError(
            "InvalidInputException", f"CustomDatatypes: {len(types)} for {len(header)} columns of Header"
        )
    if len({name.lower() for name in header}) != len(header):
        raise ServiceError("InvalidInputException", "Header: a column's name is there twice")
    if given.get("QuoteSymbol") is not None and given.get("QuoteSymbol") == given.get("Delimiter"):
        # page *API_CsvClassifier*: "Must be different from the column delimiter."
        raise ServiceError("InvalidInputException", "QuoteSymbol: must be different from the column delimiter")
    return {name: value for name, value in given.items() if value is not None}
