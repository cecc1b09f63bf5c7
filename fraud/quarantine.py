"""What is kept of a message that broke a contract: its reason, where it came from, and its text without card numbers."""

from __future__ import annotations

from typing import Any

from fraud.transaction import InvalidTransactionError, mask_card_numbers

KEPT_CHARACTERS = 2_000
"""Of a message; the original stays in its topic, where `source` points."""


def quarantine_record(
    value: bytes | None, error: InvalidTransactionError, topic: str, partition: int, offset: int
) -> dict[str, Any]:
    """What the quarantine keeps of one message.

    >>> error = InvalidTransactionError("cc_num", "'[card number]'", "a card token")
    >>> quarantine_record(b'{"cc_num": "4111111111111111"}', error, "transactions", 0, 7)["message"]
    '{"cc_num": "[card number]"}'
    """
    # masked before it is cut: half a card number would not look like one
    message = mask_card_numbers((value or b"")[: 20 * KEPT_CHARACTERS].decode(errors="replace"))
    return {
        "reason": str(error),
        "field": error.field,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "message": message[:KEPT_CHARACTERS],
    }
