"""Messages of S3's notifications, in the shape of `samples/events/s3_object_created.json`."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import quote_plus

from samples.kafka import EVENTS

_CREATED = json.loads((EVENTS / "s3_object_created.json").read_text())["Records"][0]
TEST_EVENT = (EVENTS / "s3_test_event.json").read_text()
"""What S3 sends to a queue as it is named in a bucket's configuration."""


def record(
    key: str,
    *,
    bucket: str = "batch",
    version: Any = "v1",
    etag: str = "e1",
    sequencer: str = "0055AED6DCD90281E5",
    size: int = 1024,
    event: str = "ObjectCreated:Put",
) -> dict[str, Any]:
    """A record about an object; `version` None in a bucket without versions."""
    made: dict[str, Any] = copy.deepcopy(_CREATED)
    made["eventName"] = event
    made["s3"]["bucket"] |= {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
    found = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "versionId": version, "sequencer": sequencer}
    made["s3"]["object"] = {name: value for name, value in found.items() if value is not None}
    return made


def s3_message(*records: dict[str, Any]) -> str:
    """A message's body."""
    return json.dumps({"Records": list(records)})
