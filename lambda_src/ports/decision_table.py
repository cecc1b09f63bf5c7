"""The decisions in DynamoDB."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from botocore.exceptions import ClientError

from fraud.decision import Decision

MOST = 100
"""Decisions recorded at once: as many as one transaction of DynamoDB takes."""
ATTEMPTS = 5
FIRST_PAUSE_S = 0.05

_TEXTS = ("transaction_id", "cc_num", "outcome", "path", "model_version", "why")
_NUMBERS = ("amount_cents", "trans_time", "decided_at", "score")


class DecisionTable:
    """Decisions in a table keyed by `transaction_id`; the column `decision` is the whole of it as JSON.

    Args:
        client: of dynamodb.
        table: its name.
        sleep: waits so many seconds.
    """

    def __init__(self, client: Any, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._table, self._sleep = client, table, sleep

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Records each decision whose transaction has none yet, at most MOST of them, in one transaction of the database.

        Returns:
            The decision that stands for each, in order.

        Raises:
            ClientError, BotoCoreError: none is recorded.
        """
        pending = {decision.transaction_id: decision for decision in reversed(decisions)}
        standing: dict[str, Decision] = {}
        for attempt in range(1, ATTEMPTS + 1):
            if not pending:
                break
            try:
                self._client.transact_write_items(TransactItems=[self._put(each) for each in pending.values()])
                standing |= pending
                break
            except self._client.exceptions.TransactionCanceledException as error:
                decided = self._decided_before(pending, error)
                standing |= decided
                pending = {key: decision for key, decision in pending.items() if key not in decided}
                if not decided:  # a clash with another writer, or too many at once
                    if attempt == ATTEMPTS:
                        raise
                    self._sleep(FIRST_PAUSE_S * 2**attempt * random.random())  # noqa: S311 - spreads writers, no secret
        return [standing[decision.transaction_id] for decision in decisions]

    def decided(self, transaction_ids: Collection[str]) -> set[str]:
        """Those of the transactions, at most MOST, that have a decision."""
        return {item["transaction_id"]["S"] for item in self._read(transaction_ids, "transaction_id")}

    def _decided_before(self, pending: dict[str, Decision], error: ClientError) -> dict[str, Decision]:
        codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        refused = [key for key, code in zip(pending, codes, strict=True) if code == "ConditionalCheckFailed"]
        items = self._read(refused, "decision") if refused else []
        found = [Decision.from_json(item["decision"]["S"]) for item in items]
        return {decision.transaction_id: decision for decision in found}

    def _read(self, transaction_ids: Collection[str], column: str) -> list[dict[str, Any]]:
        keys = [{"transaction_id": {"S": key}} for key in dict.fromkeys(transaction_ids)]
        asked = {self._table: {"Keys": keys, "ProjectionExpression": column, "ConsistentRead": True}}
        found: list[dict[str, Any]] = []
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._client.batch_get_item(RequestItems=asked)
            found += answer["Responses"].get(self._table, [])
            asked = answer.get("UnprocessedKeys", {})
            if not asked:
                return found
            self._sleep(FIRST_PAUSE_S * 2**attempt * random.random())  # noqa: S311
        raise TableThrottledError(f"{self._table}: keys left unread after {ATTEMPTS} calls")

    def _put(self, decision: Decision) -> dict[str, Any]:
        item = {"decision": {"S": decision.to_json()}}
        item |= {name: {"S": text} for name in _TEXTS if (text := getattr(decision, name)) is not None}
        item |= {name: {"N": repr(number)} for name in _NUMBERS if (number := getattr(decision, name)) is not None}
        condition = "attribute_not_exists(transaction_id)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}


class TableThrottledError(Exception):
    """The table went on leaving keys unread."""
