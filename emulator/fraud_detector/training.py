"""Reads a training's file in the name of its role, and holds it to what the service wants of one."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from emulator.clients import Clients
from emulator.errors import ServiceError
from emulator.fraud_detector.shelf import Record

METADATA = ("EVENT_TIMESTAMP", "EVENT_LABEL")
LARGEST_BYTES = 5 * 1024**3
"""Page *limits*: "Training data size 5 GB"."""
LEAST_EVENTS, LEAST_LABELLED = 10_000, 400
"""What the service's console asks for; the pages read for this name neither."""
_MOMENTS = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z|\d{4}/\d{2}/\d{2}( .+)?|\d{1,2}/\d{1,2}/\d{2}(\d{2})?( .+)?"
)
"""Page *uploading-event-data-to-an-s3-bucket*: ISO 8601 in UTC without milliseconds "must be an exact match"."""


class TrainingError(Exception):
    """The service would not train on a file: says why."""


class Trainings:
    """What a training does with its file."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def __call__(self, version: Record, event_type: Record) -> None:
        """Reads the file of a version; raises TrainingError or ServiceError if the service would not train on it."""
        external = version["externalEventsDetail"]
        s3 = self._clients.role("s3", external["dataAccessRoleArn"], version["arn"])
        check(rows(s3, external["dataLocation"], LARGEST_BYTES), version["trainingDataSchema"], event_type)


def check(found: Iterator[list[str]], schema: Record, event_type: Record) -> None:
    """Holds a file's rows, the header first, to a schema and an event type.

    Raises:
        TrainingError: says what is wrong.
    """
    header = next(found, [])
    if missing := [name for name in (*schema["modelVariables"], *METADATA) if name not in header]:
        raise TrainingError(f"the file has no column {', '.join(missing)}")
    if strange := [name for name in header if name not in (*event_type["eventVariables"], *METADATA)]:
        raise TrainingError(f"the file has the columns {', '.join(strange)}, which are none of the event type's")
    at, label = header.index(METADATA[0]), header.index(METADATA[1])
    used = {name: header.index(name) for name in schema["modelVariables"]}
    labels: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    mapper = schema["labelSchema"]["labelMapper"]
    for number, row in enumerate(found, 2):
        if len(row) != len(header):
            raise TrainingError(f"line {number} has {len(row)} columns; the header has {len(header)}")
        if not _MOMENTS.fullmatch(row[at]):
            raise TrainingError(f"line {number}: EVENT_TIMESTAMP is of no form that the service takes")
        if row[label] and row[label] not in event_type["labels"]:
            raise TrainingError(f"line {number}: EVENT_LABEL is no label of the event type")
        labels[row[label]] += 1
        filled.update(name for name, place in used.items() if row[place])
    if empty := [name for name in used if not filled[name]]:
        raise TrainingError(f"no event has a value of {', '.join(empty)}")
    labelled = sum(labels[one] for one in mapper["FRAUD"])
    if labels.total() < LEAST_EVENTS or labelled < LEAST_LABELLED:
        raise TrainingError(
            f"{labels.total()} events, {labelled} of them labelled FRAUD; needed: {LEAST_EVENTS}, and {LEAST_LABELLED} of them"
        )


def rows(s3: Any, uri: str, largest: int) -> Iterator[list[str]]:
    """The rows of a CSV file in S3, the header first.

    Raises:
        TrainingError: it cannot be read, or is too large.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except (ClientError, ServiceError) as error:
        raise TrainingError(f"{uri} cannot be read: {error}") from error
    if found["ContentLength"] > largest:
        raise TrainingError(f"{uri} has {found['ContentLength']} bytes; allowed: {largest}")
    yield from csv.reader(io.TextIOWrapper(found["Body"], encoding="utf-8", newline=""))
