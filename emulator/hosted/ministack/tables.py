"""What a table says of its size: what it was when the service last looked, not what it is."""

from __future__ import annotations

import time
from typing import Any

from emulator.hosted.ministack.names import dynamodb


def count_items_every(seconds: float) -> None:
    """Brings `ItemCount` and `TableSizeBytes` up to date no more often than that.

    Page *API_TableDescription*: "DynamoDB updates this value approximately every six hours. Recent changes might not be reflected
    in this value."
    """
    describe = dynamodb._table_description
    looked: dict[tuple[str, float], tuple[float, int, int]] = {}

    def as_last_looked(name: str) -> dict[str, Any]:
        said: dict[str, Any] = describe(name)
        table = (said["TableArn"], float(said["CreationDateTime"]))
        at, items, size = looked.get(table, (table[1], 0, 0))
        if time.time() - at >= seconds:
            at, items, size = time.time(), said["ItemCount"], said["TableSizeBytes"]
            looked[table] = at, items, size
        return {**said, "ItemCount": items, "TableSizeBytes": size}

    dynamodb._table_description = as_last_looked
