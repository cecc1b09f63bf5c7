"""What a transaction may hold, each field declared once.

The contract and its errors, the wire's one form, the stream job's columns, feature records, the archive with its tables, training
rows, the model's vector and the reasons take their fields from here.

Adding one is a line in DECLARED. It may be missing unless it is required: no release changes every producer at one instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["identity", "card", "amount", "moment", "category", "number", "flag", "key", "kept"]
"""Of a field's values:

- `category`: text, one of not too many; a feature of the model.
- `number`: a decimal within whole bounds; a feature of the model.
- `flag`: true or false; a feature of the model, as 1 and 0.
- `key`: text that names something with a history of its own, as a merchant or a device: windows look back by it, the model never
  sees it.
- `kept`: text for the archive alone.
- `identity`, `card`, `amount` and `moment` are those of `transaction_id`, `cc_num`, `amount` and `event_time`, and of no other.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
CORE_KINDS: tuple[Kind, ...] = ("identity", "card", "amount", "moment")
MODEL_KINDS: tuple[Kind, ...] = ("category", "number", "flag")
TEXT_KINDS: tuple[Kind, ...] = ("category", "key", "kept")
FARTHEST = 10**9
"""No bound of a number is farther from 0."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class FieldError(ValueError):
    """A wrong declaration of a field: names it, and says what is wrong and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a transaction.

    Attributes:
        name: in messages, tables and the model's vector.
        kind: of its values.
        says: the field in plain words, for an analyst.
        required: whether a message without it is invalid. One that is not may be left out, or null.
        least, most: the bounds of a number, whole, both included.
        form: of a text, a regular expression that it matches as a whole, without anything that JSON escapes; None for any text of
            1 to 100 characters.
        allowed: `form` in words.
        model: whether the model takes it; None for what its kind says.
        protected: never in a model, a feature record, a decision or a log; kept in the archive for fairness figures alone.
    """

    name: str
    kind: Kind
    says: str
    required: bool = False
    least: int | None = None
    most: int | None = None
    form: str | None = None
    allowed: str | None = None
    model: bool | None = None
    protected: bool = False

    @property
    def is_feature(self) -> bool:
        """Whether the model takes it as it is."""
        return self.model if self.model is not None else self.kind in MODEL_KINDS and not self.protected

    @property
    def is_text(self) -> bool:
        """Whether its values are text of the field's own form."""
        return self.kind in TEXT_KINDS


def check_fields(fields: Iterable[Field]) -> None:
    """Holds declarations to what can be kept.

    Raises:
        FieldError: a name is taken or none, or attributes exclude each other.

    >>> check_fields([Field(name="gender", kind="category", says="the holder's gender", protected=True, model=True)])
    Traceback (most recent call last):
    ...
    fraud.fields.FieldError: gender: protected and in the model; allowed: one of the two
    """
    taken = set(RESERVED)
    for field in fields:
        if not _NAME.fullmatch(field.name):
            raise FieldError(f"{field.name!r}: no name; allowed: 1 to 40 of a-z, 0-9 and _, a letter first")
        if field.name in taken:
            raise FieldError(f"{field.name}: the name is taken; allowed: a name that no other field or column has")
        taken.add(field.name)
        if problem := _problem(field):
            raise FieldError(f"{field.name}: {problem}")


def _problem(field: Field) -> str | None:
    """What is wrong with a declaration and what is allowed, or None."""
    if field.kind not in KINDS:
        return f"kind {field.kind!r}; allowed: {', '.join(KINDS)}"
    if field.protected and field.model:
        return "protected and in the model; allowed: one of the two"
    if field.protected and field.kind in CORE_KINDS:
        return f"protected, and of kind {field.kind}; allowed: any other kind"
    if field.model and field.kind not in MODEL_KINDS:
        return f"in the model, and of kind {field.kind}; allowed in a model: {', '.join(MODEL_KINDS)}"
    if field.kind in CORE_KINDS and not field.required:
        return f"kind {field.kind}, and not required; allowed: required"
    return _wrong_bounds(field) or _wrong_form(field)


def _wrong_bounds(field: Field) -> str | None:
    if field.kind != "number":
        if field.least is None and field.most is None:
            return None
        return f"bounds of a {field.kind}; allowed: bounds of a number"
    if field.least is None or field.most is None:
        return "a number without both bounds; allowed: least and most, whole numbers"
    if not -FARTHEST <= field.least < field.most <= FARTHEST:
        return f"bounds {field.least} to {field.most}; allowed: -{FARTHEST:,} to {FARTHEST:,}, the least first"
    return None


def _wrong_form(field: Field) -> str | None:
    if field.form is None:
        return None if field.allowed is None else "allowed without form; allowed: both, or neither"
    if not field.is_text:
        return f"a form of a {field.kind}; allowed: of a text ({', '.join(TEXT_KINDS)})"
    if field.allowed is None:
        return "form without allowed; allowed: both, as form='[A-Z]{3}', allowed='three capital letters'"
    if re.search(r"[\"\\\n(]", field.form) or re.compile(field.form).fullmatch(""):
        return f"form {field.form!r}; allowed: an expression without quotes, backslashes and groups that no empty text matches"
    return None


RESERVED = (
    *("row", "day", "hour", "weekday", "event_ms", "trans_time", "record_time", "amount_cents", "stated_time", "other"),
    *("is_fraud", "features", "decision", "arrived", "arrival", "message", "pairs", "optional"),
)
"""Columns that tables and messages have besides."""

DECLARED = (
    Field(name="transaction_id", kind="identity", says="the transaction", required=True),
    Field(name="cc_num", kind="card", says="the card", required=True),
    Field(name="amount", kind="amount", says="the amount, in the currency of the account", required=True),
    Field(name="event_time", kind="moment", says="when it happened", required=True),
    Field(name="merchant", kind="key", says="the merchant", required=True),
    Field(name="category", kind="category", says="the merchant's category", required=True),
    Field(
        name="merch_lat", kind="number", says="the merchant's latitude", required=True, least=-90, most=90, model=False
    ),
    Field(
        name="merch_long",
        kind="number",
        says="the merchant's longitude",
        required=True,
        least=-180,
        most=180,
        model=False,
    ),
    Field(
        name="entry_mode",
        kind="category",
        says="how the card was read",
        form="[a-z][a-z_]{0,29}",
        allowed="1 to 30 small letters and _, as chip, contactless, magnetic_stripe, manual, online",
    ),
    Field(
        name="currency",
        kind="category",
        says="the currency that was paid in",
        form="[A-Z]{3}",
        allowed="three capital letters (ISO 4217), as EUR",
    ),
    Field(
        name="country",
        kind="category",
        says="the merchant's country",
        form="[A-Z]{2}",
        allowed="two capital letters (ISO 3166-1), as US",
    ),
    Field(
        name="mcc",
        kind="category",
        says="the merchant's category code",
        form="[0-9]{4}",
        allowed="four digits (ISO 18245), as 5411",
    ),
    Field(name="device_id", kind="key", says="the device"),
    Field(name="terminal_id", kind="key", says="the terminal"),
)
"""Every field. `currency` is what was paid in; `amount` is always in the currency of the account, so that amounts compare."""

check_fields(DECLARED)

REQUIRED_FIELDS = tuple(field for field in DECLARED if field.required)
OPTIONAL_FIELDS = tuple(field for field in DECLARED if not field.required)
FEATURE_FIELDS = tuple(field for field in DECLARED if field.is_feature)
"""Those that a model takes as they are, in the order of its vector."""
OPTIONAL_FEATURES = tuple(field for field in FEATURE_FIELDS if not field.required)
PROTECTED_FIELDS = tuple(field for field in DECLARED if field.protected)
"""Those that figures on fairness are of, and nothing else."""
BY_NAME = {field.name: field for field in DECLARED}
