"""Events of a Kafka event source mapping, in the shape of `samples/events/msk.json`."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from samples.deciding_world import MOMENT

EVENTS = Path(__file__).resolve().parent / "events"


def kafka_event(
    *messages: bytes | None, topic: str = "features", partition: int = 0, offset: int = 0
) -> dict[str, Any]:
    """An event of one partition's records; record i is at `offset` + i, at MOMENT + i."""
    event: dict[str, Any] = json.loads((EVENTS / "msk.json").read_text())
    [[shape]] = event["records"].values()
    records = [
        {**shape, "topic": topic, "partition": partition, "offset": offset + place, "timestamp": MOMENT + place,
         "value": None if message is None else b64encode(message).decode()}
        for place, message in enumerate(messages)
    ]  # fmt: skip
    event["records"] = {f"{topic}-{partition}": records}
    return event


def failures(*offsets: int, topic: str = "features", partition: int = 0) -> dict[str, Any]:
    """The answer that asks for these offsets again."""
    place = f"{topic}-{partition}"
    return {"batchItemFailures": [{"itemIdentifier": {"partition": place, "offset": at}} for at in offsets]}
