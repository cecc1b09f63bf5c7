"""What is kept of an invalid message: its reason, where it came from, and its text without card numbers."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE

from fraud.card_numbers import MASK, mask_card_numbers
from fraud.transaction import InvalidTransactionError, may_be_card_number

KEPT_CHARACTERS = 2_000
"""Of a message; the original stays in its topic, where `source` points."""
READ_BYTES = 20 * KEPT_CHARACTERS

_MARKS = ((BOM_UTF32_LE, "utf-32"), (BOM_UTF32_BE, "utf-32"), (BOM_UTF16_LE, "utf-16"), (BOM_UTF16_BE, "utf-16"))
_CC_NUM = re.compile(r'("cc_num"\s*+:\s*+)("(?:[^"\\]|\\.)*+"?+|[^,}\s]++)')
_NO_LETTERS_AT_THE_END = re.compile(r"[^A-Za-z]*\Z")


def quarantine_record(
    value: bytes | None, error: InvalidTransactionError, topic: str, partition: int, offset: int
) -> dict[str, object]:
    """What the quarantine keeps of one message.

    >>> error = InvalidTransactionError("cc_num", "'[card number]'", "a card token")
    >>> quarantine_record(b'{"cc_num": "4111111111111111"}', error, "transactions", 0, 7)["message"]
    '{"cc_num": "[card number]"}'
    """
    return {
        "reason": str(error),
        "field": error.field,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "message": _masked(value or b"")[:KEPT_CHARACTERS],
    }


def _masked(message: bytes) -> str:
    text = _text(message[:READ_BYTES])
    if len(message) > READ_BYTES:
        # half a card number does not look like one, so none may stand at the cut; nor at the later one, hence masked first
        text = _NO_LETTERS_AT_THE_END.sub("", text)
    return mask_card_numbers(_CC_NUM.sub(_without_its_number, text))


def _text(message: bytes) -> str:
    """The text of a message, as a person would want to read it: in the encoding that its mark says, else without the NULs that
    UTF-16 has between any two characters."""
    for mark, encoding in _MARKS:
        if message.startswith(mark):
            return message.decode(encoding, errors="replace")
    return message.decode(errors="replace").replace("\0", "")


def _without_its_number(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f'{name}"{MASK}"' if may_be_card_number(value.strip('"')) else match[0]
