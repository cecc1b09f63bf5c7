"""The queue that brings each accepted transaction back after the time in which it should have been decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fraud.transaction import Transaction, read_transaction
from lambda_src.ports.decision_table import MOST

MOST_BYTES = 250_000
"""Of a message's body: a queue takes 256 KiB, and more only where its limit was raised."""


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

    def __init__(self, client: Any, url: str, delay_s: int) -> None:
        self._client, self._url, self._delay_s = client, url, delay_s

    def send(self, waiting: Sequence[Waiting]) -> None:
        """Sends them all. Raises ClientError, BotoCoreError: some may have been sent."""
        for body in _bodies(waiting):
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=self._delay_s)


def _bodies(waiting: Sequence[Waiting]) -> Iterator[str]:
    pack: list[str] = []
    size = 0
    for each in waiting:
        text = json.dumps(each, separators=(",", ":"))
        if pack and (len(pack) == MOST or size + len(text) > MOST_BYTES):
            yield f"[{','.join(pack)}]"
            pack, size = [], 0
        pack.append(text)
        size += len(text) + 1
    if pack:
        yield f"[{','.join(pack)}]"


def waiting_transactions(body: str) -> list[tuple[Transaction, int]]:
    """The transactions in a message of the queue, each with its clock.

    >>> waiting_transactions("[]")
    []
    """
    return [(read_transaction(message), trans_time) for message, trans_time in json.loads(body)]
