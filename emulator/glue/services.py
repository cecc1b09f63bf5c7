"""Glue as this host has it, with what each operation needs the caller to be allowed.

Whoever works on a table needs it on the table, on its database and on the catalogue: page *glue-specifying-resource-arns*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.glue.catalogue import Catalogue
from emulator.glue.records import named
from emulator.protocol.service import Permission, Service
from emulator.protocol.wire import Wire

Needs = Callable[[dict[str, Any]], Iterable[Permission]]


def _on(operation: str, kind: str, member: str) -> Needs:
    return lambda given: [(f"glue:{operation}", named(kind, given[member]))]


def _anywhere(operation: str) -> Needs:
    return lambda _: [(f"glue:{operation}", "*")]


def _on_database(operation: str, name: Callable[[dict[str, Any]], str]) -> Needs:
    def needs(given: dict[str, Any]) -> Iterable[Permission]:
        return [(f"glue:{operation}", place) for place in (named("catalog"), named("database", name(given).lower()))]

    return needs


def _on_table(operation: str, name: Callable[[dict[str, Any]], str]) -> Needs:
    database = _on_database(operation, lambda given: str(given["DatabaseName"]))

    def needs(given: dict[str, Any]) -> Iterable[Permission]:
        yield from database(given)
        yield f"glue:{operation}", named("table", given["DatabaseName"].lower(), name(given).lower())

    return needs


def _on_tables(operation: str, names: Callable[[dict[str, Any]], list[str]]) -> Needs:
    database = _on_database(operation, lambda given: str(given.get("DatabaseName") or given.get("Name")))

    def needs(given: dict[str, Any]) -> Iterable[Permission]:
        yield from database(given)
        in_database = str(given.get("DatabaseName") or given.get("Name")).lower()
        yield from ((f"glue:{operation}", named("table", in_database, name.lower())) for name in names(given))

    return needs


def service(catalogue: Catalogue, *others: object) -> Service:
    """The service over what implements it."""

    def there(given: dict[str, Any]) -> list[str]:
        return catalogue.names(str(given.get("DatabaseName") or given.get("Name")))

    permissions: dict[str, Needs] = {
        "CreateDatabase": _on_database("CreateDatabase", lambda given: str(given["DatabaseInput"]["Name"])),
        "GetDatabase": _on_database("GetDatabase", lambda given: str(given["Name"])),
        "GetDatabases": lambda _: [("glue:GetDatabases", named("catalog"))],
        "UpdateDatabase": _on_database("UpdateDatabase", lambda given: str(given["Name"])),
        "DeleteDatabase": _on_tables("DeleteDatabase", there),
        "CreateTable": _on_table("CreateTable", lambda given: str(given["TableInput"]["Name"])),
        "GetTable": _on_table("GetTable", lambda given: str(given["Name"])),
        "GetTables": _on_tables("GetTables", there),
        "UpdateTable": _on_table("UpdateTable", lambda given: str(given["TableInput"]["Name"])),
        "DeleteTable": _on_table("DeleteTable", lambda given: str(given["Name"])),
        "BatchDeleteTable": _on_tables("BatchDeleteTable", lambda given: list(given["TablesToDelete"])),
        # the service's own page of actions has no resource for these
        **{
            operation: _anywhere(operation)
            for operation in (
                *("CreateClassifier", "UpdateClassifier", "GetClassifier", "GetClassifiers", "DeleteClassifier"),
                *("CreateSecurityConfiguration", "GetSecurityConfiguration", "GetSecurityConfigurations"),
                *("DeleteSecurityConfiguration", "GetCrawlers", "ListCrawlers", "GetJobs", "ListJobs"),
            )
        },
        **{
            f"{verb}Crawler": _on(f"{verb}Crawler", "crawler", "Name")
            for verb in ("Create", "Update", "Get", "Delete", "Start", "Stop")
        },
        "ListCrawls": _on("ListCrawls", "crawler", "CrawlerName"),
        "CreateJob": _on("CreateJob", "job", "Name"),
        **{
            operation: _on(operation, "job", "JobName")
            for operation in (
                "UpdateJob",
                "GetJob",
                "DeleteJob",
                "StartJobRun",
                "GetJobRun",
                "GetJobRuns",
                "BatchStopJobRun",
            )
        },
    }
    return Service(Wire("glue"), (catalogue, *others), permissions)
