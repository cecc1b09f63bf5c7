"""Card numbers in every spelling, and a search for one in what was kept or said."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

CASES: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("card_numbers.json").read_text(encoding="utf-8"))
CARD = "4000056655665556"
SPELLINGS = CASES["a card number"]
"""{kind: a text that holds CARD}."""
OTHERS = CASES["a card number of another issuer"]
NONE = CASES["no card number"]

READABLE = CARD[:12]
"""Who has these digits in a row has the card's, for the last ones are often zeros or lost."""
_ESCAPES = (
    (re.compile(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})|&#x([0-9a-fA-F]+);|%([0-9a-fA-F]{2})"), 16),
    (re.compile(r"&#([0-9]+);"), 10),
)


def readable(content: str | bytes) -> bool:
    """Whether CARD can be read in a content, with whatever between its digits and in whatever script or escape.

    It knows nothing of the detector: it puts all digits of the content in a row.
    """
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    return any(READABLE in _digits(each) for each in (text, _unescaped(text)))


def _unescaped(text: str) -> str:
    for escape, base in _ESCAPES:
        text = escape.sub(lambda match, base=base: chr(int(next(filter(None, match.groups())), base)), text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _digits(text: str) -> str:
    return "".join(str(digit) for character in text if (digit := unicodedata.digit(character, None)) is not None)
