"""The queue of labels: each message is an event of the application's bus, as a rule hands it on."""

from __future__ import annotations

from fraud.label import FIELDS, Label, as_label
from fraud.transaction import InvalidTransactionError, parse_json


def queued_label(body: str) -> Label:
    """The label in a message's body.

    Raises:
        InvalidTransactionError: it is no event, or its detail is no label. The text holds no card number.

    >>> queued_label('{"detail-type": "transaction labelled"}')
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: detail: missing; allowed: a label
    """
    event = parse_json(body.encode(errors="replace"), ("detail", *FIELDS))
    detail = event.get("detail")
    if not isinstance(detail, dict):
        problem = "missing" if detail is None else f"a JSON {type(detail).__name__}"
        raise InvalidTransactionError("detail", problem, "a label")
    return as_label(detail)
