"""Payments that were decided, and are decided otherwise: what of fraud is caught, whom it stops, and what reviewers get.

A payment counts by the label that is known of it. One without a label is neither fraud nor honest: it is counted apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from fraud.decision import OUTCOMES, Outcome
from fraud.decision_costs import Bill, Decided, DecisionCosts, bill

Kind = Literal["fraud", "honest", "unlabelled"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_FLAGGED: tuple[Outcome, ...] = ("review", "block")


def kind_of(is_fraud: bool | None) -> Kind:
    """What a payment counts as by its label; None is no label.

    >>> [kind_of(label) for label in (True, False, None)]
    ['fraud', 'honest', 'unlabelled']
    """
    if is_fraud is None:
        return "unlabelled"
    return "fraud" if is_fraud else "honest"


class Cell(NamedTuple):
    """Some payments: how many, and their amounts together in whole cents."""

    payments: int = 0
    cents: int = 0


class ControlGroupCost(NamedTuple):
    """What a control group is expected to let through, and to cost, of payments that would be blocked.

    Attributes:
        payments: how many are let through, a number with a fraction.
        cents: their amounts.
        fraud_cents, saved_cents: what of it is fraud, as a missed fraud costs, and what its honest payments would have cost, had
            they been blocked; of payments with a label alone.
    """

    payments: float
    cents: float
    fraud_cents: float
    saved_cents: float

    @property
    def cost_cents(self) -> float:
        """What it costs, less what it saves."""
        return self.fraud_cents - self.saved_cents


def control_group_cost(would_block: Mapping[Kind, Cell], costs: DecisionCosts, percent: float) -> ControlGroupCost:
    """The expected cost of a control group.

    Args:
        would_block: {what they count as: the payments that it is drawn of}.
        percent: its share.

    >>> blocked = {"fraud": Cell(8, 160_000), "honest": Cell(2, 40_000), "unlabelled": Cell(5, 10_000)}
    >>> control_group_cost(blocked, DecisionCosts(), 10)
    ControlGroupCost(payments=1.5, cents=21000.0, fraud_cents=16000.0, saved_cents=300.0)
    """
    share = percent / 100
    fraud, honest = (would_block.get(kind, Cell()) for kind in ("fraud", "honest"))
    return ControlGroupCost(
        share * sum(cell.payments for cell in would_block.values()),
        share * sum(cell.cents for cell in would_block.values()),
        share * costs.missed_cents(fraud.cents),
        share * honest.payments * costs.blocked_cents,
    )


@dataclass(frozen=True)
class Side:
    """What all payments were decided as, one way.

    Attributes:
        cells: {(outcome, what they count as): the payments}.
    """

    cells: Mapping[tuple[Outcome, Kind], Cell]

    def of(self, outcomes: Iterable[Outcome] = OUTCOMES, kinds: Iterable[Kind] = KINDS) -> Cell:
        """The payments of some outcomes that count as one of some kinds."""
        found = [self.cells.get((outcome, kind), Cell()) for outcome in outcomes for kind in tuple(kinds)]
        return Cell(sum(one.payments for one in found), sum(one.cents for one in found))

    @property
    def caught(self) -> Cell:
        """Fraud that is reviewed or blocked."""
        return self.of(_FLAGGED, ("fraud",))

    @property
    def missed(self) -> Cell:
        """Fraud that is approved."""
        return self.of(("approve",), ("fraud",))

    @property
    def blocked(self) -> Cell:
        """Payments that are stopped, whatever they count as."""
        return self.of(("block",))

    @property
    def blocked_honest(self) -> Cell:
        """Honest payments that are stopped."""
        return self.of(("block",), ("honest",))

    @property
    def reviews(self) -> Cell:
        """Payments that a person looks at, whatever they count as."""
        return self.of(("review",))


@dataclass
class Comparison:
    """Payments by what they were decided as and what they would be decided as.

    >>> both = Comparison()
    >>> both.add("approve", "review", "fraud", 1250)
    >>> both.add("block", "block", "honest", 500)
    >>> (both.recorded.caught, both.otherwise.caught, both.changed)
    (Cell(payments=0, cents=0), Cell(payments=1, cents=1250), 1)
    """

    cells: dict[tuple[Outcome, Outcome, Kind], Cell] = field(default_factory=dict)
    _billed: tuple[list[Decided], list[Decided]] = field(default_factory=lambda: ([], []))

    def add(self, recorded: Outcome, otherwise: Outcome, kind: Kind, amount_cents: int) -> None:
        """Counts one payment."""
        there = self.cells.get((recorded, otherwise, kind), Cell())
        self.cells[recorded, otherwise, kind] = Cell(there.payments + 1, there.cents + amount_cents)
        for billed, outcome in zip(self._billed, (recorded, otherwise), strict=True):
            if kind != "unlabelled" or outcome == "review":  # a review costs the same, whatever comes out
                billed.append(Decided(outcome, amount_cents, kind == "fraud"))

    def bills(self, costs: DecisionCosts) -> tuple[Bill, Bill]:
        """What it cost as it was, and as it would have been: of the payments with a label, and of every review.

        What a payment without a label cost that was approved or blocked, nobody knows: it costs nothing here.
        """
        recorded, otherwise = (bill(billed, costs) for billed in self._billed)
        return recorded, otherwise

    @property
    def recorded(self) -> Side:
        """As it was."""
        return self._side(0)

    @property
    def otherwise(self) -> Side:
        """As it would have been."""
        return self._side(1)

    def _side(self, place: Literal[0, 1]) -> Side:
        found: dict[tuple[Outcome, Kind], Cell] = defaultdict(Cell)
        for (*outcomes, kind), cell in self.cells.items():
            there = found[outcomes[place], kind]
            found[outcomes[place], kind] = Cell(there.payments + cell.payments, there.cents + cell.cents)
        return Side(dict(found))

    @property
    def changed(self) -> int:
        """How many payments have another outcome."""
        return sum(cell.payments for (one, other, _), cell in self.cells.items() if one != other)

    def moved(self, recorded: Outcome, otherwise: Outcome) -> dict[Kind, Cell]:
        """The payments that went from one outcome to another, by what they count as."""
        return {kind: self.cells.get((recorded, otherwise, kind), Cell()) for kind in KINDS}
