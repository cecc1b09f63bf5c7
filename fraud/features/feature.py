"""A feature: its name, type and unit, the transactions it looks back over, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fraud.columns import TRANSACTION_COLUMNS
from fraud.fields import DECLARED

CARD = "cc_num"
"""The column of the card."""
KEYS = tuple(field.name for field in DECLARED if field.kind in ("category", "key") and not field.protected)
"""The other columns of a transaction that something can be looked back over by."""
HOUR = "hour"
"""The hour of the day in UTC, 0 to 23: of the clock, so every transaction has it."""
ALWAYS_THERE = frozenset((HOUR, *(column.name for column in TRANSACTION_COLUMNS if column.required)))
"""The columns that every transaction has a value in, in every file of whatever age."""


class DeclarationError(ValueError):
    """A wrong declaration of a window or a habit: names it, and says what is wrong and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    Attributes:
        name: its column, in every table, topic and feature group.
        type: its SQL type.
        unit: of its values.
        window: the transactions it looks back over.
        missing: what it is when there is nothing to compute it from.
        says: the feature in plain words, for a reason shown to an analyst.
        counts_all: of a count, whether every transaction has one; otherwise it is missing where the transaction has no such key.
        model: whether a new model takes it. One that was trained with it goes on getting it, and formulas may read it.
    """

    name: str
    type: Literal["BIGINT", "DOUBLE"]
    unit: str
    window: str
    missing: str
    says: str
    counts_all: bool = True
    model: bool = True


def named(columns: tuple[str, ...]) -> str:
    """Columns in the name of a feature or a table.

    >>> named(("cc_num", "device_id"))
    'card_device'
    """
    return "_".join("card" if column == CARD else column.removesuffix("_id") for column in columns)


def in_words(columns: tuple[str, ...]) -> str:
    """Columns in a sentence.

    >>> in_words(("cc_num", "entry_mode"))
    'card and entry mode'
    """
    return " and ".join(named((column,)).replace("_", " ") for column in columns)


def those_missing(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the columns in which a transaction may have no value."""
    return tuple(column for column in columns if column not in ALWAYS_THERE)
