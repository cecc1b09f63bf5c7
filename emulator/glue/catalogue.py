"""The data catalogue: databases and their tables. Names are lower case, whatever case they are given in."""

from __future__ import annotations

import re
from typing import Any

from emulator.account import ACCOUNT
from emulator.clock import now
from emulator.errors import ServiceError
from emulator.glue.records import Records, page


class Catalogue:
    """The operations on databases and tables. Partitions are not implemented."""

    def __init__(self) -> None:
        self._databases = Records("Database")
        self._tables: dict[str, Records] = {}

    def create_database(self, DatabaseInput: dict[str, Any], CatalogId: str = ACCOUNT, **_: Any) -> None:
        _ours(CatalogId)
        name = DatabaseInput["Name"].lower()
        self._databases.add(name, {**DatabaseInput, "Name": name, "CreateTime": now(), "CatalogId": ACCOUNT})
        self._tables[name] = Records("Table")

    def get_database(self, Name: str, CatalogId: str = ACCOUNT) -> dict[str, Any]:
        _ours(CatalogId)
        return {"Database": self._databases.get(Name.lower())}

    def get_databases(self, CatalogId: str = ACCOUNT, **given: Any) -> dict[str, Any]:
        _ours(CatalogId)
        return page(self._databases.all(), "DatabaseList", given)

    def update_database(self, Name: str, DatabaseInput: dict[str, Any], CatalogId: str = ACCOUNT) -> None:
        _ours(CatalogId)
        record = self._databases.get(Name.lower())
        if DatabaseInput["Name"].lower() != record["Name"]:
            raise ServiceError("InvalidInputException", "The name of a database cannot be changed.")
        kept = {name: record[name] for name in ("Name", "CreateTime", "CatalogId")}
        record.clear()
        record.update(DatabaseInput | kept)

    def delete_database(self, Name: str, CatalogId: str = ACCOUNT) -> None:
        _ours(CatalogId)
        self._databases.remove(Name.lower())
        del self._tables[Name.lower()]

    def create_table(self, DatabaseName: str, TableInput: dict[str, Any], CatalogId: str = ACCOUNT, **_: Any) -> None:
        _ours(CatalogId)
        self._of(DatabaseName).add(TableInput["Name"].lower(), _table(DatabaseName, TableInput))

    def get_table(self, DatabaseName: str, Name: str, CatalogId: str = ACCOUNT, **_: Any) -> dict[str, Any]:
        _ours(CatalogId)
        return {"Table": self._of(DatabaseName).get(Name.lower())}

    def get_tables(
        self, DatabaseName: str, CatalogId: str = ACCOUNT, Expression: str = "", **given: Any
    ) -> dict[str, Any]:
        _ours(CatalogId)
        found = [one for one in self._of(DatabaseName).all() if re.fullmatch(Expression or ".*", one["Name"])]
        return page(found, "TableList", given)

    def update_table(self, DatabaseName: str, TableInput: dict[str, Any], CatalogId: str = ACCOUNT, **_: Any) -> None:
        _ours(CatalogId)
        record = self._of(DatabaseName).get(TableInput["Name"].lower())
        made, version = record["CreateTime"], int(record["VersionId"])
        record.clear()
        record.update(_table(DatabaseName, TableInput) | {"CreateTime": made, "VersionId": str(version + 1)})

    def delete_table(self, DatabaseName: str, Name: str, CatalogId: str = ACCOUNT, **_: Any) -> None:
        _ours(CatalogId)
        self._of(DatabaseName).remove(Name.lower())

    def batch_delete_table(
        self, DatabaseName: str, TablesToDelete: list[str], CatalogId: str = ACCOUNT, **_: Any
    ) -> dict[str, Any]:
        _ours(CatalogId)
        errors, tables = [], self._of(DatabaseName)
        for name in TablesToDelete:
            try:
                tables.remove(name.lower())
            except ServiceError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"TableName": name, "ErrorDetail": detail})
        return {"Errors": errors}

    def names(self, database: str) -> list[str]:
        """The names of a database's tables; none of a database that is not there."""
        return [one["Name"] for one in self._tables[database.lower()].all()] if database.lower() in self._tables else []

    def _of(self, database: str) -> Records:
        self._databases.get(database.lower())
        return self._tables[database.lower()]


def _table(database: str, given: dict[str, Any]) -> dict[str, Any]:
    at = now()
    made = {"DatabaseName": database.lower(), "CatalogId": ACCOUNT, "CreateTime": at, "UpdateTime": at}
    kept = {key: value for key, value in given.items() if value is not None}
    return {"Retention": 0, **kept, "Name": given["Name"].lower(), **made, "VersionId": "0"}


def _ours(catalogue: str | None) -> None:
    if catalogue not in (None, ACCOUNT):
        raise ServiceError("EntityNotFoundException", f"Catalog {catalogue} not found.")
