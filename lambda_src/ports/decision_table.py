"""The decisions in DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from botocore.exceptions import ClientError

from fraud.columns import DECISION_ATTRIBUTES, DECISION_JSON
from fraud.decision import Decision
from fraud.payment import Payment
from fraud.retries import tries
from lambda_src.ports.clients import Client
from lambda_src.ports.dynamodb_items import Item, number, optional_text, text

ITEMS_PER_CALL = 100
"""Decisions recorded or read at once. Page API_TransactWriteItems: up to 100 actions and 4 MB; page API_BatchGetItem: up to 100
items and 16 MB. A test holds the largest decision to a hundredth of that."""
ATTEMPTS = 5
FIRST_PAUSE_S = 0.1

_TEXTS = tuple(column.name for column in DECISION_ATTRIBUTES if column.kind == "text")
_NUMBERS = tuple(column.name for column in DECISION_ATTRIBUTES if column.kind != "text")


class DecisionTable:
    """Decisions in a table keyed by `transaction_id`; the attribute DECISION_JSON is the whole of it as JSON.

    Args:
        client: of dynamodb.
        table: its name.
        sleep: waits so many seconds.
    """

    def __init__(self, client: Client, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._table, self._sleep = client, table, sleep

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Records each decision whose transaction has none yet, up to ITEMS_PER_CALL, in one transaction of the database.

        Returns:
            The decision that stands for each, in order.

        Raises:
            ClientError, BotoCoreError: none is recorded.
            TableThrottledError: it is not known which decisions stand.
            MalformedItemError, InvalidTransactionError: a decision that stands cannot be read.
        """
        pending = {decision.transaction_id: decision for decision in reversed(decisions)}
        standing: dict[str, Decision] = {}
        for attempt in tries(ATTEMPTS, FIRST_PAUSE_S, spread=True, sleep=self._sleep):
            while pending:
                try:
                    self._client.transact_write_items(TransactItems=[self._put(each) for each in pending.values()])
                except self._client.exceptions.TransactionCanceledException as error:
                    decided = self._decided_before(pending, error)
                    if decided:
                        standing |= decided
                        pending = {key: decision for key, decision in pending.items() if key not in decided}
                    elif attempt == ATTEMPTS:
                        raise
                    else:  # a clash with another writer, or too many at once
                        break
                else:
                    standing |= pending
                    pending = {}
            if not pending:
                break
        return [standing[decision.transaction_id] for decision in decisions]

    def decided(self, transaction_ids: Collection[str]) -> dict[str, Payment]:
        """Those of up to ITEMS_PER_CALL transactions that have a decision, each with the payment that it was made about."""
        payments = [_payment(item) for item in self._read(transaction_ids, ", ".join(Payment._fields))]
        return {payment.transaction_id: payment for payment in payments}

    def decisions(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        """Those of up to ITEMS_PER_CALL transactions that have a decision, each with it; raises as `record` does."""
        items = self._read(transaction_ids, DECISION_JSON)
        found = [Decision.from_json(text(item, DECISION_JSON)) for item in items]
        return {decision.transaction_id: decision for decision in found}

    def _decided_before(self, pending: dict[str, Decision], error: ClientError) -> dict[str, Decision]:
        codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        refused = [key for key, code in zip(pending, codes, strict=True) if code == "ConditionalCheckFailed"]
        return self.decisions(refused) if refused else {}

    def _read(self, transaction_ids: Collection[str], columns: str) -> list[Item]:
        keys = [{"transaction_id": {"S": key}} for key in dict.fromkeys(transaction_ids)]
        return read_items(self._client, self._table, keys, columns, self._sleep)

    def _put(self, decision: Decision) -> dict[str, object]:
        item = {DECISION_JSON: {"S": decision.to_json()}}
        item |= {name: {"S": value} for name in _TEXTS if (value := getattr(decision, name)) is not None}
        item |= {name: {"N": repr(value)} for name in _NUMBERS if (value := getattr(decision, name)) is not None}
        condition = "attribute_not_exists(transaction_id)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}


def _payment(item: Item) -> Payment:
    return Payment(
        text(item, "transaction_id"),
        text(item, "cc_num"),
        number(item, "amount_cents"),
        optional_text(item, "event_time"),
    )


def read_items(
    client: Client, table: str, keys: Sequence[Item], columns: str, sleep: Callable[[float], None]
) -> list[Item]:
    """The items of a table that have these keys, consistently, in no order.

    Args:
        client: of dynamodb.
        keys: up to ITEMS_PER_CALL, each once.
        columns: the attributes, with a comma between.
        sleep: waits so many seconds.

    Raises:
        ClientError, BotoCoreError: the table cannot be read.
        TableThrottledError: it went on leaving keys unread.
    """
    asked = {table: {"Keys": keys, "ProjectionExpression": columns, "ConsistentRead": True}}
    found: list[Item] = []
    for _ in tries(ATTEMPTS, FIRST_PAUSE_S, spread=True, sleep=sleep):
        answer = client.batch_get_item(RequestItems=asked)
        found += answer["Responses"].get(table, [])
        asked = answer.get("UnprocessedKeys", {})
        if not asked:
            return found
    raise TableThrottledError(f"{table}: keys left unread after {ATTEMPTS} calls")


class TableThrottledError(Exception):
    """The table went on leaving keys unread."""
