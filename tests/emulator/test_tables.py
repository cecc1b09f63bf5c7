"""A table's size is what it was when the service last looked."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.stand_ins import STAND_INS

pytestmark = pytest.mark.engines

EVERY_S = 6.0


def test_items_are_counted_no_more_often_than_the_service_counts_them(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path, replace(STAND_INS, item_counts_every_s=EVERY_S)) as aws:
        tables = aws.client("dynamodb")
        began = time.monotonic()
        tables.create_table(
            TableName="labels",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in ("a", "b"):
            tables.put_item(TableName="labels", Item={"id": {"S": name}})

        def size() -> tuple[int, bool]:
            table = tables.describe_table(TableName="labels")["Table"]
            return table["ItemCount"], table["TableSizeBytes"] > 0

        assert size() == (0, False)
        # a second off, as the service writes a table's birth in whole seconds
        wait_until(lambda: size() == (2, True), EVERY_S + 5, lambda: AssertionError("it is never counted"), every_s=0.2)
        assert time.monotonic() - began >= EVERY_S - 1.5
        tables.delete_item(TableName="labels", Key={"id": {"S": "a"}})
        assert size() == (2, True)
