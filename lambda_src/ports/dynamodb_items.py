"""Attributes of DynamoDB's items, as a table and its stream give them: `{"NAME": {"S": "text"}}`, `{"NAME": {"N": "5"}}`."""

from __future__ import annotations

from typing import Any

from fraud.notation import NotationError, whole_number

Item = dict[str, Any]


class MalformedItemError(ValueError):
    """An item that this application did not write: names the attribute, and what is allowed."""


def text(item: Item, name: str) -> str:
    """An attribute's text. Raises MalformedItemError: it is missing or none.

    >>> text({"cc_num": {"N": "5"}}, "cc_num")
    Traceback (most recent call last):
    ...
    lambda_src.ports.dynamodb_items.MalformedItemError: cc_num: no text; allowed: {"S": text}
    """
    match item.get(name):
        case {"S": str(value)}:
            return value
    raise MalformedItemError(f'{name}: no text; allowed: {{"S": text}}')


def optional_text(item: Item, name: str) -> str | None:
    """An attribute's text; None if the item has no such attribute. Raises MalformedItemError: it is no text."""
    return text(item, name) if name in item else None


def flag(item: Item, name: str) -> bool:
    """Whether an attribute is true. Raises MalformedItemError: it is missing or no flag."""
    match item.get(name):
        case {"BOOL": bool(value)}:
            return value
    raise MalformedItemError(f'{name}: no flag; allowed: {{"BOOL": true or false}}')


def number(item: Item, name: str) -> int:
    """An attribute's whole number. Raises MalformedItemError: it is missing or none.

    >>> number({"amount_cents": {"N": "1250"}}, "amount_cents")
    1250
    """
    match item.get(name):
        case {"N": str(value)}:
            try:
                return whole_number(value)
            except NotationError as error:
                raise MalformedItemError(f"{name}: {error}") from error
    raise MalformedItemError(f'{name}: no number; allowed: {{"N": digits}}')
