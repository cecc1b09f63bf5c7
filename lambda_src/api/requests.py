"""What is read of a request before anything is done with it: no card number in any part of it, one JSON object as its body."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fraud.api import TOGETHER
from fraud.card_numbers import holds_card_number, without_card_numbers
from fraud.transaction import InvalidTransactionError, Transaction, as_transaction, parse_json, parse_transaction
from fraud.wire_form import MAX_MESSAGE_CHARACTERS, Undeclared
from lambda_src.telemetry import Event

NO_CARD_NUMBER = InvalidTransactionError(
    "request", "holds a card number", "card tokens alone, in every part of a request"
)
MOST_CHARACTERS = TOGETHER * MAX_MESSAGE_CHARACTERS
_OF_AWS = (
    "authorization",
    "host",
    "via",
    "content-length",
    "x-amz-",
    "x-amzn-",
    "x-forwarded-",
    "cloudfront-",
    "x-api-key",
)
"""Headers that signing and AWS's own machines write: signatures, traces and addresses, which may look like anything."""


def check_no_card_number(event: Event) -> None:
    """Holds every part of a request to there being no card number in it.

    Raises:
        InvalidTransactionError: there is one. Its text repeats nothing of the request.
    """
    if any(map(holds_card_number, _texts(event))):
        raise NO_CARD_NUMBER


def _texts(event: Event) -> Iterator[str]:
    yield str(event.get("path") or "")
    yield str(event.get("body") or "")
    for part in ("pathParameters", "multiValueQueryStringParameters", "multiValueHeaders"):
        for name, value in (event.get(part) or {}).items():
            if part != "multiValueHeaders" or not str(name).lower().startswith(_OF_AWS):
                yield str(name)
                yield from map(str, value if isinstance(value, list) else [value])


def body_of(event: Event) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises:
        InvalidTransactionError: there is none, or it holds a card number, however that is written.
    """
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else str(text).encode()
    except (binascii.Error, UnicodeError):
        raise InvalidTransactionError("message", "not UTF-8", "one JSON object, UTF-8") from None
    fields = parse_json(body, most_characters=MOST_CHARACTERS)
    try:
        if without_card_numbers(fields) != fields:
            raise NO_CARD_NUMBER
    except RecursionError:
        raise InvalidTransactionError("message", "nested too deeply", "one JSON object") from None
    return fields


def elements_of(fields: Mapping[str, Any], name: str) -> list[Any]:
    """The list that a body is.

    Raises:
        InvalidTransactionError: it is none, or too long.
    """
    found = fields.get(name)
    if set(fields) != {name} or type(found) is not list:
        raise InvalidTransactionError("message", "another body", f'{{"{name}": [...]}} and nothing else')
    if not 1 <= len(found) <= TOGETHER:
        raise InvalidTransactionError(name, f"{len(found)} of them", f"1 to {TOGETHER}")
    return found


def transaction_of(fields: object, undeclared: Undeclared) -> Transaction:
    """The transaction in parsed fields, held to what the topic's door takes: the same contract, whichever way it comes.

    Raises:
        InvalidTransactionError: the first invalid field.
    """
    if not isinstance(fields, dict):
        raise InvalidTransactionError("message", f"a JSON {type(fields).__name__}", "one JSON object")
    try:
        return parse_transaction(as_transaction(fields).to_json().encode(), undeclared)
    except (RecursionError, UnicodeError, json.JSONDecodeError):
        raise InvalidTransactionError(
            "message", "no flat object of texts and numbers", "one flat JSON object"
        ) from None
