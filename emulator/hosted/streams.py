"""The stream of a table as a mapping's source."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from emulator.hosted import ministack
from emulator.mappings.batches import Record, Rules
from emulator.mappings.sources import PATIENCE_S

LOOK_EVERY_S = 0.02
"""How often a stream is looked at for a mapping without a window."""


class TableStream:
    """The stream of a table: one place, whose positions are the emulator's; a record is named by its sequence number."""

    def __init__(self, arn: str, position: str, rules: Rules) -> None:
        self._arn, self._rules = arn, rules
        self._table = arn.split("/")[1]
        oldest, after_newest = ministack.stream_bounds(self._table)
        self._next = oldest if position == "TRIM_HORIZON" else after_newest
        self._numbers: dict[str, int] = {}

    def take(self, stopping: threading.Event) -> list[Record]:
        window_s = self._rules.window_s
        deadline = time.monotonic() + max(window_s, PATIENCE_S)
        enough = self._rules.size if window_s else 1
        # counted, not read: a window of minutes gathers thousands
        while self._waiting() < enough and (left := deadline - time.monotonic()) > 0:
            if stopping.wait(min(left, PATIENCE_S if window_s else LOOK_EVERY_S)):
                return []
        found = ministack.stream_records(self._table, self._next, self._rules.size)
        records = [
            Record(self._arn, self._next + index, body, float(body["dynamodb"]["ApproximateCreationDateTime"]))
            for index, body in enumerate(found)
        ]
        self._numbers = {one.body["dynamodb"]["SequenceNumber"]: one.position for one in records}
        return records

    def _waiting(self) -> int:
        return ministack.stream_bounds(self._table)[1] - self._next

    def done(self, records: Sequence[Record]) -> None:
        self._next = max(record.position for record in records) + 1

    def event(self, records: Sequence[Record]) -> dict[str, Any]:
        return {"Records": [record.body for record in records]}

    def checkpoints(self, identifiers: Sequence[Any]) -> dict[str, int] | None:
        if not all(isinstance(name, str) and name in self._numbers for name in identifiers):
            return None
        return {self._arn: min(self._numbers[name] for name in identifiers)}

    def described(self, records: Sequence[Record]) -> dict[str, Any]:
        numbers = [record.body["dynamodb"]["SequenceNumber"] for record in records]
        about = {"batchSize": len(records), "startSequenceNumber": numbers[0], "endSequenceNumber": numbers[-1]}
        return {"DDBStreamBatchInfo": {**about, "streamArn": self._arn}}

    def renew(self) -> None:
        """Its place is kept here."""

    def close(self) -> None:
        """Nothing to end."""
