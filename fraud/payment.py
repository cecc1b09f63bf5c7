"""What makes a payment this one and no other, and what it is when two of them share an id.

A transaction's id is the producer's promise that no other payment has it. A payment is its id, card, amount and the time that
its producer states: these a redelivery repeats to the letter. A record's own time (the clock) it does not repeat: brokers stamp
a producer's second try anew. Two payments under one id are a collision: the first one's decision stands for the id, and the other
is kept for a person to look at.
"""

from __future__ import annotations

from typing import NamedTuple

from fraud.decision import Decision
from fraud.feature_record import FeatureRecord
from fraud.transaction import Transaction, format_event_time


class Payment(NamedTuple):
    """A payment.

    Attributes:
        transaction_id: the id that its producer gave it.
        cc_num: the card's token.
        amount_cents: the amount in whole cents.
        event_time: when it happened, as its producer states it, in the contract's form; None if that is not known.
    """

    transaction_id: str
    cc_num: str
    amount_cents: int
    event_time: str | None

    @classmethod
    def of(cls, source: Decision | FeatureRecord | Transaction) -> Payment:
        """The payment that a decision is about, or that a record or a transaction is."""
        stated = source.event_time
        return cls(
            source.transaction_id,
            source.cc_num,
            source.amount_cents,
            stated if stated is None or isinstance(stated, str) else format_event_time(stated),
        )


class Collision(NamedTuple):
    """Two payments under one id.

    Attributes:
        standing: the one whose decision stands.
        other: the one that has none.
    """

    standing: Payment
    other: Payment

    @property
    def differs(self) -> tuple[str, ...]:
        """In what they differ. What is not known of one of them is no difference.

        >>> first = Payment("t1", "0" * 32, 1_250, "2026-01-01T00:00:00.000Z")
        >>> Collision(first, first._replace(amount_cents=9_900)).differs
        ('amount_cents',)
        >>> Collision(first, first._replace(event_time=None)).differs
        ()
        """
        pairs = zip(self.standing._fields, self.standing, self.other, strict=True)
        return tuple(name for name, one, two in pairs if None not in (one, two) and one != two)


def collision(standing: Payment, other: Payment) -> Collision | None:
    """The collision of two payments under one id; None if they are one, delivered again."""
    found = Collision(standing, other)
    return found if found.differs else None
