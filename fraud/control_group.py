"""The control group: a small random share of the payments that the model would block, which are let through all the same.

What is blocked never shows whether it was fraud, so a model learns nothing of what it blocks. Payments of the control group get
their labels as any approved one does.
"""

from __future__ import annotations

import hashlib
import hmac

MOST_PERCENT = 10.0
"""A larger share would be no control group any more, but another threshold."""

_DRAWS = 2**64


def drawn(transaction_id: str, cc_num: str, percent: float) -> bool:
    """Whether a payment is of the control group, should it be one to block.

    It is the same whatever its score, by whichever door it comes and however often; a larger share holds all of a smaller one.
    The card's token is the key, so that nobody outside, who does not know it, can choose an id that is drawn.

    Args:
        transaction_id: the payment.
        cc_num: the card's token.
        percent: how many of a hundred payments are drawn; 0: none.

    >>> [drawn("t1", "0a" * 16, percent) for percent in (0, 100)]
    [False, True]
    >>> sum(drawn(f"t{number}", "0a" * 16, 2.5) for number in range(10_000))
    251
    """
    if percent <= 0:
        return False
    digest = hmac.digest(cc_num.encode(), f"control group {transaction_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8]) < percent / 100 * _DRAWS
