"""What decisions cost: frauds that were missed, reviews, and payments that were blocked wrongly. All money is whole cents.

    approved fraud        a share of its amount
    approved and honest   nothing
    reviewed              a review, fraud or not: whoever looks at it is taken to see which it is
    blocked fraud         nothing
    blocked and honest    a wrongly blocked payment

Each decision costs whole cents by itself, so the costs of parts, of days or categories, add up to those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

Outcome = Literal["approve", "review", "block"]
"""That of `fraud.decision`, which the job that trains has no use for."""

SHARES = 10_000
"""A share of an amount is counted in so many parts, which keeps the arithmetic in whole numbers."""
RANGES: Mapping[str, tuple[Decimal, Decimal]] = MappingProxyType(
    {
        "cost_missed_share": (Decimal(0), Decimal(10)),
        "cost_review": (Decimal(0), Decimal(1_000_000)),
        "cost_blocked": (Decimal(0), Decimal(1_000_000)),
        "review_hours_a_day": (Decimal(0), Decimal(100_000)),
        "review_minutes": (Decimal("0.1"), Decimal(1_440)),
    }
)
"""{setting: the least and the most it may be}."""


class DecisionCostsError(ValueError):
    """A cost outside its range: names the setting, its value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class DecisionCosts:
    """What decisions cost, as the settings of the same names have it, money in units of the currency.

    Attributes:
        cost_missed_share: the share of its amount that a missed fraud costs; above 1 with fees; in ten-thousandths.
        cost_review: a review, by a person.
        cost_blocked: a payment that was blocked wrongly.
        review_hours_a_day: of all reviewers together; 0 is no limit.
        review_minutes: how long a review takes.

    Raises:
        DecisionCostsError: one is outside its range, or in smaller units than those.
    """

    cost_missed_share: Decimal = Decimal(1)
    cost_review: Decimal = Decimal(3)
    cost_blocked: Decimal = Decimal(15)
    review_hours_a_day: Decimal = Decimal(0)
    review_minutes: Decimal = Decimal(5)

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not (value.is_finite() and least <= value <= most):
                raise DecisionCostsError(f"{name}: {value}; allowed: {least} to {most:,}")
        for name, parts in (("cost_missed_share", SHARES), ("cost_review", 100), ("cost_blocked", 100)):
            if getattr(self, name) * parts % 1:
                raise DecisionCostsError(f"{name}: {getattr(self, name)}; allowed: multiples of {Decimal(1) / parts}")

    @property
    def missed_parts(self) -> int:
        """The share of a missed fraud, in SHARES."""
        return int(self.cost_missed_share * SHARES)

    @property
    def review_cents(self) -> int:
        return int(self.cost_review * 100)

    @property
    def blocked_cents(self) -> int:
        return int(self.cost_blocked * 100)

    @property
    def reviews_a_day(self) -> int | None:
        """How many reviews the reviewers' hours allow; None without a limit.

        >>> DecisionCosts(review_hours_a_day=Decimal(8), review_minutes=Decimal(7)).reviews_a_day
        68
        """
        if not self.review_hours_a_day:
            return None
        return int(self.review_hours_a_day * 60 / self.review_minutes)

    def missed_cents(self, amount_cents: int) -> int:
        """What a missed fraud costs, half a cent and more rounded up.

        >>> DecisionCosts(cost_missed_share=Decimal("0.5")).missed_cents(1_001)
        501
        """
        return (amount_cents * self.missed_parts + SHARES // 2) // SHARES

    def cents(self, outcome: Outcome, amount_cents: int, *, fraud: bool) -> int:
        """What one decision costs."""
        if outcome == "review":
            return self.review_cents
        if outcome == "block":
            return 0 if fraud else self.blocked_cents
        return self.missed_cents(amount_cents) if fraud else 0


class Decided(NamedTuple):
    """A decision and what became known of it. Whoever has no label of it says what it is taken for."""

    outcome: Outcome
    amount_cents: int
    fraud: bool


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a set of decisions comes to.

    Attributes:
        decisions, frauds: how many there are.
        missed, missed_cents: approved frauds, and what they cost.
        reviews, review_cents: all reviews.
        blocked, blocked_cents: payments that were blocked wrongly.
        stopped, stopped_cents: frauds that were reviewed or blocked, and what they would have cost.
        review_minutes: how long the reviews take, in whole minutes.
    """

    decisions: int = 0
    frauds: int = 0
    missed: int = 0
    missed_cents: int = 0
    reviews: int = 0
    review_cents: int = 0
    blocked: int = 0
    blocked_cents: int = 0
    stopped: int = 0
    stopped_cents: int = 0
    review_minutes: int = 0

    @property
    def cents(self) -> int:
        """All that the decisions cost."""
        return self.missed_cents + self.review_cents + self.blocked_cents


def bill(decided: Iterable[Decided], costs: DecisionCosts) -> Bill:
    """What decisions come to.

    >>> made = [Decided("approve", 12_345, True), Decided("review", 900, False), Decided("block", 900, False)]
    >>> bill(made, DecisionCosts()).cents
    14145
    """
    decisions = frauds = missed = missed_cents = reviews = blocked = stopped = stopped_cents = 0
    for outcome, amount_cents, fraud in decided:
        decisions += 1
        frauds += fraud
        reviews += outcome == "review"
        blocked += outcome == "block" and not fraud
        if fraud and outcome == "approve":
            missed += 1
            missed_cents += costs.missed_cents(amount_cents)
        elif fraud:
            stopped += 1
            stopped_cents += costs.missed_cents(amount_cents)
    return Bill(
        decisions=decisions,
        frauds=frauds,
        missed=missed,
        missed_cents=missed_cents,
        reviews=reviews,
        review_cents=reviews * costs.review_cents,
        blocked=blocked,
        blocked_cents=blocked * costs.blocked_cents,
        stopped=stopped,
        stopped_cents=stopped_cents,
        review_minutes=int((reviews * costs.review_minutes).quantize(Decimal(1), ROUND_HALF_UP)),
    )
