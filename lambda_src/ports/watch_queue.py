"""The queue that brings each accepted transaction back after the time in which it should have been decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fraud.clock import moment
from fraud.transaction import InvalidTransactionError, Transaction, read_transaction
from lambda_src.batches import batches
from lambda_src.ports.clients import Client
from lambda_src.ports.decision_table import ITEMS_PER_CALL

BYTES_PER_MESSAGE = 250_000
"""Of a message's body. Page API_SendMessage: at most 1 MiB; a queue that was made before that was raised takes
256 KiB."""


class Waiting(NamedTuple):
    """A transaction that waits for its decision, as `Transaction.to_json` writes it, and its clock in ms since 1970 in UTC."""

    message: str
    trans_time: int


class WatchQueue:
    """Sends transactions to the queue, as many a message as are decided together.

    Args:
        client: of sqs.
        url: the queue's.
        delay_s: after how many seconds they come back, at most 900.
    """

    def __init__(self, client: Client, url: str, delay_s: int) -> None:
        self._client, self._url, self._delay_s = client, url, delay_s

    def send(self, waiting: Sequence[Waiting]) -> None:
        """Sends them all. Raises ClientError, BotoCoreError: some may have been sent."""
        for body in _bodies(waiting):
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=self._delay_s)


def _bodies(waiting: Sequence[Waiting]) -> Iterator[str]:
    texts = (json.dumps(each, separators=(",", ":")) for each in waiting)
    for batch in batches(texts, ITEMS_PER_CALL, BYTES_PER_MESSAGE, lambda text: len(text) + 1):
        yield f"[{','.join(batch)}]"


class Unreadable(NamedTuple):
    """An item of a message that is no waiting transaction: its place in the message, and what is wrong with it."""

    position: int
    error: InvalidTransactionError


def waiting_transactions(body: str) -> tuple[list[tuple[Transaction, int]], list[Unreadable]]:
    """The transactions in a message of the queue, each with its clock, and what is none.

    Raises:
        ValueError: the message is no list.

    >>> waiting_transactions("[]")
    ([], [])
    >>> waiting_transactions('[["no JSON", 5]]')[1][0].error.field
    'message'
    """
    items = json.loads(body)
    if not isinstance(items, list):
        raise ValueError(f"the body is a JSON {type(items).__name__}; allowed: a list")
    found: list[tuple[Transaction, int]] = []
    unreadable: list[Unreadable] = []
    for position, item in enumerate(items):
        try:
            found.append(_waiting(item))
        except InvalidTransactionError as error:
            unreadable.append(Unreadable(position, error))
    return found, unreadable


def _waiting(item: object) -> tuple[Transaction, int]:
    if not (isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)):
        raise InvalidTransactionError("message", f"a JSON {type(item).__name__}", "[message, its time]")
    message, trans_time = item
    return read_transaction(message), moment(trans_time)
