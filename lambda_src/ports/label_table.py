"""The labels in DynamoDB: each label is an item, none is ever changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from fraud.label import Label, as_label
from fraud.transaction import format_event_time
from lambda_src.ports.clients import Client
from lambda_src.ports.decision_table import ITEMS_PER_CALL, read_items
from lambda_src.ports.dynamodb_items import Item, flag, text

KEY = ("transaction_id", "label_id")
"""The table's partition key and its sort key."""


class LabelTable:
    """Labels in a table keyed by `transaction_id` and, within it, by everything else that makes a label this one.

    A query for a transaction gives its whole history in the order of `known_at`; `fraud.label.known_as_of` says which counts.

    Args:
        client: of dynamodb.
        table: its name.
        sleep: waits so many seconds.
    """

    def __init__(self, client: Client, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._table, self._sleep = client, table, sleep

    def recorded(self, labels: Sequence[Label]) -> set[Label]:
        """Those of up to ITEMS_PER_CALL labels that the table holds.

        Raises:
            ClientError, BotoCoreError, TableThrottledError: the table cannot be read.
        """
        if not labels:
            return set()
        by_key = {(label.transaction_id, sort_key(label)): label for label in labels[:ITEMS_PER_CALL]}
        keys = [dict(zip(KEY, ({"S": each} for each in key), strict=True)) for key in by_key]
        found = read_items(self._client, self._table, keys, ", ".join(KEY), self._sleep)
        return {by_key[text(item, KEY[0]), text(item, KEY[1])] for item in found}

    def newest(self, transaction_id: str, most: int) -> list[Label]:
        """The newest labels of a transaction, up to `most`, in the order in which they became known: the last one counts.

        Raises:
            ClientError, BotoCoreError: the table cannot be read.
            MalformedItemError, InvalidTransactionError: an item is no label.
        """
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="transaction_id = :id",
            ExpressionAttributeValues={":id": {"S": transaction_id}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=most,  # far below the megabyte that a call gives (page API_Query)
        )
        return sorted(map(_label, found["Items"]), key=lambda label: label.order)

    def record(self, label: Label, recorded_at: int, *, known_transaction: bool) -> None:
        """Records a label, unless it is there: the first time stands.

        Args:
            recorded_at: when it came, milliseconds since 1970 in UTC.
            known_transaction: whether its transaction had a decision then.

        Raises:
            ClientError, BotoCoreError: it is not recorded.
        """
        item: Item = {
            "transaction_id": {"S": label.transaction_id},
            "label_id": {"S": sort_key(label)},
            "is_fraud": {"BOOL": label.is_fraud},
            "source": {"S": label.source},
            "reported_by": {"S": label.reported_by},
            "known_at": {"S": format_event_time(label.known_at)},
            "recorded_at": {"N": str(recorded_at)},
            "known_transaction": {"BOOL": known_transaction},
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(transaction_id)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


def _label(item: Item) -> Label:
    texts = {name: text(item, name) for name in ("transaction_id", "source", "reported_by", "known_at")}
    return as_label({**texts, "is_fraud": flag(item, "is_fraud")})


def sort_key(label: Label) -> str:
    """What orders a transaction's labels in the table, and tells them apart.

    Who reports may hold a `#`: the parts before and behind it cannot, so no two labels have the same key. Labels of the same
    moment, of which one is reported by a name that another's begins with, stand in another order than that of `Label.order`.
    Page *bp-sort-keys*; at most 1,024 bytes (page *Constraints*), of which the longest label takes 440.
    """
    return "#".join(
        (
            format_event_time(label.known_at),
            label.source,
            label.reported_by,
            "fraud" if label.is_fraud else "legitimate",
        )
    )
