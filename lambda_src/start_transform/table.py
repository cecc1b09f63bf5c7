"""A table of the catalogue as a crawler writes it, and how its columns differ from those that are expected."""

from __future__ import annotations

from collections.abc import Iterable
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
        delimiter: of a CSV file, as the crawler found it; else empty.
        gone: the crawler has found no files of it any more.
    """

    name: str
    location: str
    classification: str
    columns: dict[str, str]
    delimiter: str = ""
    gone: bool = False


def table(entry: dict[str, Any]) -> Table:
    """A table as GetTables gives it.

    >>> table({"Name": "input", "StorageDescriptor": {"Location": "s3://raw/input/"}}).location
    's3://raw/input/'
    """
    storage = entry.get("StorageDescriptor", {})
    columns = [*storage.get("Columns", []), *entry.get("PartitionKeys", [])]
    parameters = entry.get("Parameters", {})
    return Table(
        entry["Name"],
        storage.get("Location", ""),
        parameters.get("classification", "unknown"),
        {column["Name"]: column.get("Type", "") for column in columns},
        parameters.get("delimiter", ""),
        "DEPRECATED_BY_CRAWLER" in parameters,
    )


def by_folder(tables: Iterable[Table]) -> dict[str, list[Table]]:
    """{URI of a folder: the tables whose files are in it, or below it}; no folder is in another one.

    Files that are too unlike to be one table, as a packed one and one that is not, are a table each with the file as its
    location (page *crawler-grouping-policy*): a set is made of the folder all the same.

    >>> places = ("s3://raw/input/a.csv", "s3://raw/input/b.csv.gz", "s3://raw/input/till/", "s3://raw/other/")
    >>> found = by_folder(Table(place, place, "csv", {}) for place in places)
    >>> {folder: len(members) for folder, members in found.items()}
    {'s3://raw/input/': 3, 's3://raw/other/': 1}
    """
    found: dict[str, list[Table]] = {}
    for folder, each in sorted((each.location[: each.location.rfind("/") + 1], each) for each in tables):
        outer = next((one for one in found if folder.startswith(one)), folder)
        found.setdefault(outer, []).append(each)
    return found


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
    if fatal and found.delimiter not in ("", ","):
        fatal.append(f"delimiter {found.delimiter!r}, without a header of these names; expected: ','")
    other = [
        f"{name}: {kind}; expected: {types[name]}"
        for name, kind in found.columns.items()
        if found.classification in TYPED and name in types and kind != types[name]
    ]
    return Differences(fatal, other)
