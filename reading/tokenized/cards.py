"""What becomes of the values that stand where card numbers do, and of card numbers that stand elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from fraud.card_numbers import holds_card_number
from fraud.transaction import TOKEN_PATTERN, InvalidTransactionError, card_token

NO_CARD = "[no card number]"
"""What stands in place of a value that is neither a card number nor a token: it may be a mistyped one."""

_TOKEN = re.compile(TOKEN_PATTERN)
_KEPT = 100_000
"""Values remembered: a card buys often."""

# neither holds a card number: a number of few digits, a date with its time
_HARMLESS = re.compile(
    r"[+-]?[0-9]{1,11}(?:[.][0-9]*)?|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@dataclass
class Counts:
    """What was found in a file.

    Attributes:
        rows: of data.
        made: card numbers that became tokens.
        were: values that were tokens already.
        none: values that are neither, in place of which NO_CARD stands.
        malformed: rows that are none by the file's header; every run of digits in them that may be a card number is masked.
        masked: {column: values in which a card number was masked}.
    """

    rows: int = 0
    made: int = 0
    were: int = 0
    none: int = 0
    malformed: int = 0
    masked: Counter[str] = field(default_factory=Counter)


class Cards:
    """Makes tokens, and counts what it met.

    Args:
        key: see `fraud.transaction.card_token`.
    """

    def __init__(self, key: bytes) -> None:
        self.counts = Counts()
        self._key = key
        self._known: dict[str, tuple[str, str]] = {}

    def token(self, value: str, times: int = 1) -> str:
        """What stands in place of a value that is met so often: its token; itself if it is one, or empty; else NO_CARD.

        >>> cards = Cards(b"0123456789abcdef")
        >>> cards.token("4000 0566 5566 5556") == cards.token("4000056655665556"), cards.token(""), cards.token("40000566")
        (True, '', '[no card number]')
        """
        found = self._known.get(value)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[value] = self._made(value)
        counted, token = found
        if counted:
            setattr(self.counts, counted, getattr(self.counts, counted) + times)
        return token

    def _made(self, value: str) -> tuple[str, str]:
        text = value.strip()
        if not text:
            return "", value
        if _TOKEN.fullmatch(text):
            return "were", text
        try:
            return "made", card_token(text, self._key)
        except InvalidTransactionError:
            return "none", NO_CARD


@lru_cache(maxsize=_KEPT)
def holds_one(text: str) -> bool:
    """Whether a text holds a card number; see `fraud.card_numbers.holds_card_number`, which takes longer."""
    return not _HARMLESS.fullmatch(text) and holds_card_number(text)
