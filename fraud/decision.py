"""A decision about one transaction: its outcome, what it was made on, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fraud.notation import decimal_number
from fraud.vector import SAYS

Outcome = Literal["approve", "review", "block"]
Path = Literal["model", "fallback"]

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
        'the amount against the week before (12.5) raises the score'
        """
        value = (
            "missing" if self.value is None else f"{self.value:.6g}" if isinstance(self.value, float) else self.value
        )
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
        """The decision that `to_json` wrote; fields that another version added are skipped.

        Raises:
            ValueError, TypeError, KeyError: it did not write this.
        """
        fields: dict[str, Any] = json.loads(text)
        known = {name: fields[name] for name in cls.__slots__ if name in fields}
        known["reasons"] = tuple(Reason(*reason) for reason in known["reasons"])
        return cls(**known)


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
    def _in_plain_digits(cls, value: Any) -> Any:
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
