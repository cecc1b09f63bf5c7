"""One crawl: the objects of the targets are looked at, and tables written, all in the name of the crawler's role.

Files of one folder are one table where they are of one format and packed alike, and at least 70% of their columns are the same
(page *crawler-s3-folder-table-partition*), or the crawler's configuration combines what is compatible, whatever its columns (page
*crawler-grouping-policy*); else each is a table. Folders below a target are tables of their own where they are unlike. Where all
is alike they would be partitions of one table, which are not implemented: the crawl fails and says so.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

from emulator.clients import Clients
from emulator.clock import now
from emulator.errors import ServiceError
from emulator.glue.recognition import Columns, Recognised, recognise
from emulator.glue.records import named, role_arn
from emulator.glue.value_types import common

SIMILAR = 0.7
_CHANGES = (
    "tablesCreated",
    "tablesUpdated",
    "tablesDeleted",
    "partitionsCreated",
    "partitionsUpdated",
    "partitionsDeleted",
)
_MINE, _GONE = "UPDATED_BY_CRAWLER", "DEPRECATED_BY_CRAWLER"


class StoppedError(Exception):
    """The crawl was told to stop."""


@dataclass(frozen=True)
class _File:
    bucket: str
    key: str
    size: int
    found: Recognised


class Crawl:
    """A run of a crawler.

    Args:
        crawler: its record.
        classifiers: its custom ones.
        stopping: set when it is to stop.

    Attributes:
        says: lines for its log.
    """

    def __init__(
        self,
        clients: Clients,
        crawler: dict[str, Any],
        classifiers: Sequence[dict[str, Any]],
        stopping: threading.Event,
    ) -> None:
        self._crawler, self._classifiers, self._stopping = crawler, classifiers, stopping
        role, taken_by = role_arn(crawler["Role"]), named("crawler", crawler["Name"])
        self._s3, self._glue = (clients.role(service, role, taken_by) for service in ("s3", "glue"))
        configuration = json.loads(crawler.get("Configuration") or "{}")
        grouping = configuration.get("Grouping", {}).get("TableGroupingPolicy")
        self._combine = grouping == "CombineCompatibleSchemas"
        self._changes = dict.fromkeys(_CHANGES, 0)
        self.says: list[str] = []

    def run(self) -> dict[str, int]:
        """Looks at everything; how many tables were made, changed and deleted, as the event has it.

        Raises:
            ServiceError, botocore.exceptions.ClientError: something is refused to the role, or is not there.
            StoppedError: it was stopped.
        """
        self._glue.get_database(Name=self._crawler["DatabaseName"])
        seen: set[str] = set()
        for target in self._crawler["Targets"]["S3Targets"]:
            bucket, _, prefix = target["Path"].removeprefix("s3://").partition("/")
            files = list(self._files(bucket, prefix, target.get("Exclusions") or []))
            for name, location, members in self._tables(bucket, prefix, files):
                self._go_on()
                table = f"{self._crawler.get('TablePrefix', '')}{name}"
                self._write(table, location, members)
                seen.add(table)
        self._retire(seen)
        return self._changes

    def _files(self, bucket: str, prefix: str, exclusions: list[str]) -> Iterator[_File]:
        folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for listed in (one for page in pages for one in page.get("Contents", [])):
            self._go_on()
            key, size = listed["Key"], listed["Size"]
            if key != prefix and not key.startswith(folder):
                continue
            inner = key.removeprefix(folder)
            if any(fnmatch(inner, one) for one in exclusions) or not size or not inner:
                continue
            read = self._reader(bucket, key)
            found = recognise(read, size, self._classifiers)
            self.says.append(f"INFO : s3://{bucket}/{key}: {found.kind if found else 'UNKNOWN'}")
            if found:
                yield _File(bucket, key, size, found)

    def _reader(self, bucket: str, key: str) -> Any:
        def read(first: int, end: int) -> bytes:
            asked = f"bytes={first}-{end - 1}"
            return bytes(self._s3.get_object(Bucket=bucket, Key=key, Range=asked)["Body"].read())

        return read

    def _tables(self, bucket: str, prefix: str, files: list[_File]) -> Iterator[tuple[str, str, list[_File]]]:
        """(name, location, files) of each table."""
        if not files:
            return
        if len(files) == 1 and files[0].key == prefix:
            yield _name(prefix.rsplit("/", 1)[-1]), f"s3://{bucket}/{prefix}", files
            return
        folders: dict[str, list[_File]] = {}
        for file in files:
            folders.setdefault(file.key.rpartition("/")[0], []).append(file)
        if folders.keys() != {prefix.strip("/")} and self._one_table(files):
            says = f"s3://{bucket}/{prefix}: folders of files that are alike (partitions) are not implemented here"
            raise ServiceError("NotImplementedException", says)
        for folder, members in folders.items():
            if self._one_table(members):
                place = f"s3://{bucket}/{folder}/" if folder else f"s3://{bucket}/"
                yield _name(folder.rsplit("/", 1)[-1] or bucket), place, members
            else:
                for file in members:
                    yield _name(file.key.rsplit("/", 1)[-1]), f"s3://{bucket}/{file.key}", [file]

    def _one_table(self, files: list[_File]) -> bool:
        first = files[0].found
        if len({file.found.table[:3] if self._combine else file.found.table for file in files}) > 1:
            return False
        mine = {name for name, _ in first.columns}
        others = ({name for name, _ in file.found.columns} for file in files[1:])
        return self._combine or all(len(mine & one) >= SIMILAR * len(mine | one) for one in others)

    def _write(self, name: str, location: str, files: list[_File]) -> None:
        database = self._crawler["DatabaseName"]
        found = replace(files[0].found, columns=_together([file.found.columns for file in files]))
        given = _table_input(name, location, files, found, self._crawler["Name"])
        try:
            there = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            self._glue.create_table(DatabaseName=database, TableInput=given)
            self._changes["tablesCreated"] += 1
            self.says.append(f"INFO : Created table {name} in database {database}")
            return
        if self._crawler["SchemaChangePolicy"]["UpdateBehavior"] == "LOG":
            self.says.append(f"INFO : table {name} in database {database} is left as it is")
        elif any(there.get(part) != given[part] for part in ("StorageDescriptor", "Parameters")):
            self._glue.update_table(DatabaseName=database, TableInput=given)
            self._changes["tablesUpdated"] += 1
            self.says.append(f"INFO : Updated table {name} in database {database}")

    def _retire(self, seen: set[str]) -> None:
        """Tables that this crawler has written and whose files are gone."""
        database, behaviour = self._crawler["DatabaseName"], self._crawler["SchemaChangePolicy"]["DeleteBehavior"]
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=database)
        for table in (one for page in pages for one in page["TableList"]):
            parameters = table.get("Parameters", {})
            if parameters.get(_MINE) != self._crawler["Name"] or table["Name"] in {one.lower() for one in seen}:
                continue
            if behaviour == "DELETE_FROM_DATABASE":
                self._glue.delete_table(DatabaseName=database, Name=table["Name"])
                self._changes["tablesDeleted"] += 1
            elif behaviour == "DEPRECATE_IN_DATABASE" and _GONE not in parameters:
                kept = {name: table[name] for name in ("Name", "Owner", "Retention", "StorageDescriptor", "TableType")}
                gone = {**parameters, _GONE: str(int(1000 * now().timestamp()))}
                self._glue.update_table(
                    DatabaseName=database, TableInput={**kept, "PartitionKeys": [], "Parameters": gone}
                )
                self._changes["tablesUpdated"] += 1
            self.says.append(f"INFO : table {table['Name']} has no files any more: {behaviour}")

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise StoppedError


def _together(all_columns: list[Columns]) -> Columns:
    """The columns of several files, in the order in which they come."""
    types: dict[str, str] = {}
    for name, kind in (one for columns in all_columns for one in columns):
        types[name] = common(types[name], kind) if name in types else kind
    return tuple(types.items())


def _table_input(name: str, location: str, files: list[_File], found: Recognised, crawler: str) -> dict[str, Any]:
    size = sum(file.size for file in files)
    average = max(1, sum(one.found.read_bytes for one in files) // max(1, sum(one.found.rows for one in files)))
    parameters = {
        **found.parameters,
        "classification": found.kind,
        "compressionType": found.compression,
        "typeOfData": "file",
        "objectCount": str(len(files)),
        "sizeKey": str(size),
        "averageRecordSize": str(average),
        "recordCount": str(size // average),
        "CrawlerSchemaSerializerVersion": "1.0",
        "CrawlerSchemaDeserializerVersion": "1.0",
        _MINE: crawler,
    }
    input_format, output_format = found.formats
    return {
        "Name": name,
        "Owner": "owner",
        "Retention": 0,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [],
        "Parameters": parameters,
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in found.columns],
            "Location": location,
            "InputFormat": input_format,
            "OutputFormat": output_format,
            "Compressed": found.compression != "none",
            "NumberOfBuckets": -1,
            "SerdeInfo": {"SerializationLibrary": found.library, "Parameters": found.library_parameters},
            "BucketColumns": [],
            "SortColumns": [],
            "Parameters": parameters,
            "StoredAsSubDirectories": False,
        },
    }


def _name(text: str) -> str:
    """A table's name of a folder's or a file's.

    >>> _name("Orders.csv"), _name("2020 (1)")
    ('orders_csv', '2020__1_')
    """
    return re.sub(r"[^a-z0-9_]", "_", text.lower())
