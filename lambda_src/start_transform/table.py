"""A table of the catalogue as a crawler writes it, and how its columns differ from those that are expected."""

from __future__ import annotations

from typing import Any, NamedTuple

from lambda_src.start_transform.environment import Columns

TYPED = ("csv",)
"""Classifications whose columns have types of our classifier's. Of others the files themselves say what a column is."""


class Table(NamedTuple):
    """A table.

    Attributes:
        location: the S3 URI of its files: a folder, or a file.
        classification: what its files are, as `csv`.
        columns: {column: type}, partitions included.
    """

    name: str
    location: str
    classification: str
    columns: dict[str, str]


def table(entry: dict[str, Any]) -> Table:
    """A table as GetTables gives it.

    >>> table({"Name": "input", "StorageDescriptor": {"Location": "s3://raw/input/"}}).location
    's3://raw/input/'
    """
    storage = entry.get("StorageDescriptor", {})
    columns = [*storage.get("Columns", []), *entry.get("PartitionKeys", [])]
    return Table(
        entry["Name"],
        storage.get("Location", ""),
        entry.get("Parameters", {}).get("classification", "unknown"),
        {column["Name"]: column.get("Type", "") for column in columns},
    )


class Differences(NamedTuple):
    """How a table's columns differ from those expected, in words.

    Attributes:
        fatal: what keeps all of its rows from being transformed.
        other: what may keep some.
    """

    fatal: list[str]
    other: list[str]


def differences(found: Table, expected: Columns) -> Differences:
    """How a table differs.

    >>> expected = Columns(types={"amt": "double"}, needed=("amt", "b"))
    >>> differences(Table("input", "s3://raw/input/", "csv", {"amt": "string"}), expected)
    Differences(fatal=['b: missing'], other=['amt: string; expected: double'])
    """
    # the catalogue has names in lower case
    types = {name.lower(): kind for name, kind in expected.types.items()}
    fatal = [f"{name}: missing" for name in expected.needed if name.lower() not in found.columns]
    other = [
        f"{name}: {kind}; expected: {types[name]}"
        for name, kind in found.columns.items()
        if found.classification in TYPED and name in types and kind != types[name]
    ]
    return Differences(fatal, other)
