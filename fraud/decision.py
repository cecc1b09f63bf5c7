"""A decision about one transaction: its outcome, what it was made on, and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Annotated, Literal, NamedTuple, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fraud.columns import DECISION_COLUMNS, Kind
from fraud.notation import decimal_number
from fraud.transaction import InvalidTransactionError, shown
from fraud.units import in_unit
from fraud.vector import SAYS, UNITS

Outcome = Literal["approve", "review", "block"]
Path = Literal["model", "fallback"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
PATHS: tuple[Path, ...] = get_args(Path)

_APPROVE: Outcome = "approve"


class Thresholds(BaseModel):
    """The scores from which a transaction is reviewed or blocked. The model's evaluation chooses them.

    Scores are probabilities, so a threshold above 1 is never reached.

    >>> Thresholds(review=0.4, block=0.9).outcome(0.4)
    'review'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    review: Annotated[float, Field(ge=0)]
    block: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Thresholds:
        if self.block < self.review:
            raise ValueError(f"block ({self.block}) is below review ({self.review}); allowed: review <= block")
        return self

    def outcome(self, score: float) -> Outcome:
        """The outcome of a score, a probability of 0 to 1. A score on a threshold is already over it."""
        if score >= self.block:
            return "block"
        return "review" if score >= self.review else "approve"


class Reason(NamedTuple):
    """One reason of a decision.

    Attributes:
        feature: its name in the model's vector.
        value: the feature's value; None is missing.
        contribution: what it adds to the score's log-odds: above 0 towards fraud, below 0 away from it. None in a fallback.
    """

    feature: str
    value: float | str | None
    contribution: float | None

    @property
    def text(self) -> str:
        """The reason as an analyst reads it.

        >>> Reason("amt_ratio2", 12.5, 1.8).text
        'the amount against the week before (12.5 times) raises the score'
        """
        value = "missing" if self.value is None else self.value
        if not isinstance(value, str):
            value = in_unit(value, UNITS.get(self.feature, ""))
        effect = (
            "decides" if self.contribution is None else f"{'raises' if self.contribution > 0 else 'lowers'} the score"
        )
        return f"{SAYS.get(self.feature, self.feature)} ({value}) {effect}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was decided about one transaction, once and for all.

    Attributes:
        transaction_id: the transaction. A second decision about it is never recorded.
        cc_num: the card's token.
        amount_cents: the amount in whole cents.
        trans_time: when the transaction happened, milliseconds since 1970 in UTC: the clock.
        event_time: the same as its producer states it, in the contract's form; None if that is not known.
        decided_at: when the decision was made, in the same unit.
        outcome: what is done with the payment.
        path: `model`, or `fallback` when the model could not be asked.
        score: the model's probability of fraud; None in a fallback.
        model_version: the model that gave the score; None in a fallback.
        reasons: the strongest first.
        features: what it was made on, {name: value}; None is missing. `fraud.vector` makes the model's vector of them.
        nightly_cut: the cut of the nightly features, as trans_time; None if the card had none.
        why: why the fallback decided; None on the path `model`.
        warning: what a person should know of it, such as nightly features that are too old.
        control_group: whether it would be blocked by its score, and was approved as one of the control group
            (`fraud.control_group`).
    """

    transaction_id: str
    cc_num: str
    amount_cents: int
    trans_time: int
    event_time: str | None = None
    decided_at: int
    outcome: Outcome
    path: Path
    score: float | None = None
    model_version: str | None = None
    reasons: tuple[Reason, ...] = ()
    features: Mapping[str, float | str | None]
    nightly_cut: int | None = None
    why: str | None = None
    warning: str | None = None
    control_group: bool = False

    @property
    def would_be(self) -> Outcome:
        """The outcome without a control group."""
        return "block" if self.control_group else self.outcome

    def to_json(self) -> str:
        """The decision as one JSON object; `from_json` reads it.

        >>> decision = Decision(transaction_id="t1", cc_num="0" * 32, amount_cents=1250, trans_time=0, decided_at=9,
        ...     outcome="approve", path="model", score=0.1, model_version="v1", features={"amount": 12.5},
        ...     reasons=(Reason("amount", 12.5, -0.5),))
        >>> Decision.from_json(decision.to_json()) == decision
        True
        """
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """The decision that `to_json` wrote. Columns that another version added are skipped, optional ones may be missing.

        Raises:
            InvalidTransactionError: it did not write this; names the first column that is wrong.

        >>> Decision.from_json('{"transaction_id": 5}')
        Traceback (most recent call last):
        ...
        fraud.transaction.InvalidTransactionError: transaction_id: 5; allowed: text
        """
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidTransactionError("decision", str(error), "one JSON object") from None
        if not isinstance(row, dict):
            raise InvalidTransactionError("decision", f"a JSON {type(row).__name__}", "one JSON object")
        for column in DECISION_COLUMNS:
            value = row.get(column.name)
            if value is None and column.required:
                raise InvalidTransactionError(column.name, "missing", _ALLOWED[column.kind])
            if value is not None and not _IS_OF[column.kind](value):
                raise InvalidTransactionError(column.name, shown(column.name, value), _ALLOWED[column.kind])
        return cls(
            transaction_id=row["transaction_id"],
            cc_num=row["cc_num"],
            amount_cents=row["amount_cents"],
            trans_time=row["trans_time"],
            event_time=row.get("event_time"),
            decided_at=row["decided_at"],
            outcome=_one_of("outcome", row["outcome"], OUTCOMES),
            path=_one_of("path", row["path"], PATHS),
            score=row.get("score"),
            model_version=row.get("model_version"),
            reasons=_reasons(row.get("reasons")),
            features=_features(row["features"]),
            nightly_cut=row.get("nightly_cut"),
            why=row.get("why"),
            warning=row.get("warning"),
            control_group=bool(row.get("control_group")),
        )


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) is int or (type(value) is float and isfinite(value))


_IS_OF: Mapping[Kind, Callable[[object], bool]] = {
    "text": lambda value: type(value) is str,
    "whole number": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "moment": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "decimal number": _is_number,
    "flag": lambda value: type(value) is bool,
    "json": lambda value: isinstance(value, dict | list),
}
_ALLOWED: Mapping[Kind, str] = {
    "text": "text",
    "whole number": "a whole number of 64 bits",
    "moment": "whole milliseconds since 1970 in UTC",
    "decimal number": "a finite number",
    "flag": "true or false",
    "json": "a decision's reasons or features, as it was recorded",
}
_Choice = TypeVar("_Choice", bound=str)


def _one_of(name: str, value: object, allowed: tuple[_Choice, ...]) -> _Choice:
    for choice in allowed:
        if value == choice:
            return choice
    raise InvalidTransactionError(name, shown(name, value), ", ".join(allowed))


def _is_value(value: object) -> TypeGuard[float | str | None]:
    return value is None or type(value) is str or _is_number(value)


def _reasons(rows: object) -> tuple[Reason, ...]:
    found = []
    for row in rows if isinstance(rows, list) else () if rows is None else (rows,):
        match row:
            case [str(feature), value, contribution] if _is_value(value) and (
                contribution is None or _is_number(contribution)
            ):
                found.append(Reason(feature, value, contribution))
            case _:
                raise InvalidTransactionError(
                    "reasons", shown("reasons", row), "a list of [feature, value, contribution]"
                )
    return tuple(found)


def _features(values: object) -> Mapping[str, float | str | None]:
    if not isinstance(values, dict) or not all(map(_is_value, values.values())):
        raise InvalidTransactionError("features", shown("features", values), "{name: a number, text or null}")
    return values


class FallbackRule(BaseModel):
    """What decides when the model cannot be asked: plain limits, from the settings. The strictest that is met decides.

    A limit of None is switched off.

    >>> FallbackRule().decide(amount_cents=61_250, num_trans_last_10m=None)
    ('review', (Reason(feature='amount', value=612.5, contribution=None),))
    >>> FallbackRule(block_from_amount="100.00")
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: 1 validation error for FallbackRule
      Value error, block_from_amount (100.00) is below review_from_amount (500.00); allowed: review <= block ...
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    review_from_amount: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)] | None = Decimal("500.00")
    block_from_amount: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)] | None = Decimal("5000.00")
    review_from_num_trans_last_10m: Annotated[int, Field(ge=1, le=10_000)] | None = 4

    @field_validator("*", mode="before")
    @classmethod
    def _in_plain_digits(cls, value: object) -> object:
        if isinstance(value, str):
            decimal_number(value)
        return value

    @model_validator(mode="after")
    def _ordered(self) -> FallbackRule:
        review, block = self.review_from_amount, self.block_from_amount
        if review is not None and block is not None and block < review:
            raise ValueError(
                f"block_from_amount ({block}) is below review_from_amount ({review}); allowed: review <= block"
            )
        return self

    def decide(self, *, amount_cents: int, num_trans_last_10m: float | None) -> tuple[Outcome, tuple[Reason, ...]]:
        """The outcome and what decided it.

        Args:
            amount_cents: the transaction's amount.
            num_trans_last_10m: the card's transactions in the last 10 minutes; None if the stream did not say.
        """
        amount = Reason("amount", amount_cents / 100, None)
        if self.block_from_amount is not None and amount_cents >= self.block_from_amount * 100:
            return "block", (amount,)
        met = []
        if self.review_from_amount is not None and amount_cents >= self.review_from_amount * 100:
            met.append(amount)
        limit = self.review_from_num_trans_last_10m
        if limit is not None and num_trans_last_10m is not None and num_trans_last_10m >= limit:
            met.append(Reason("num_trans_last_10m", num_trans_last_10m, None))
        return ("review" if met else _APPROVE), tuple(met)
