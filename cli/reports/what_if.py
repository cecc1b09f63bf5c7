"""A past period as it was decided and as it would have been, side by side: the figures, and the page of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cli.reports.page import write_page
from fraud.decision import OUTCOMES
from fraud.decision_costs import DecisionCosts
from fraud.what_if import KINDS, Cell, Comparison, Side, control_group_cost
from local.what_if import Changed, WhatIf

SHOWN = 25
"""Of the payments with another outcome, the page shows those with the largest amounts."""

Unit = Literal["payments", "cents", "minutes"]


class Figure(NamedTuple):
    """One figure of both sides.

    Attributes:
        name: in JSON.
        says: in words; one that begins with two spaces is a part of the one above.
        unit: what it counts.
        recorded, otherwise: as it was, and as it would have been.
    """

    name: str
    says: str
    unit: Unit
    recorded: int
    otherwise: int

    @property
    def cells(self) -> tuple[str, str, str]:
        """Both and their difference, as people read them.

        >>> Figure("cost", "Cost", "cents", 123456, 120000).cells
        ('1,234.56', '1,200.00', '-34.56')
        """
        difference = self.otherwise - self.recorded
        return self._shown(self.recorded), self._shown(self.otherwise), self._shown(difference, "+")

    def _shown(self, value: int, sign: str = "") -> str:
        if value == 0:
            sign = ""
        if self.unit == "cents":
            return f"{value / 100:{sign},.2f}"
        return f"{value / 60:{sign},.1f}" if self.unit == "minutes" else f"{value:{sign},}"


def figures(comparison: Comparison, costs: DecisionCosts) -> list[Figure]:
    """All figures, in order."""
    one, other = comparison.recorded, comparison.otherwise
    bills = comparison.bills(costs)

    def of(name: str, says: str, read: Any, unit: Unit = "payments") -> Figure:
        return Figure(name, says, unit, read(one), read(other))

    def billed(name: str, says: str, read: Any, unit: Unit = "cents") -> Figure:
        return Figure(name, says, unit, *map(read, bills))

    def parts(name: str, outcome: Any) -> list[Figure]:
        says = {"fraud": "  of fraud", "honest": "  of honest customers", "unlabelled": "  without a label"}
        return [
            of(f"{name}_{kind}", says[kind], lambda side, kind=kind: side.of((outcome,), (kind,)).payments)
            for kind in KINDS
        ]

    return [
        of("fraud_caught", "Fraud caught: reviewed or blocked", lambda side: side.caught.payments),
        of("fraud_caught_cents", "  its amount", lambda side: side.caught.cents, "cents"),
        of("fraud_missed", "Fraud missed: approved", lambda side: side.missed.payments),
        of("fraud_missed_cents", "  its amount", lambda side: side.missed.cents, "cents"),
        of("blocked", "Payments stopped: blocked", lambda side: side.blocked.payments),
        *parts("blocked", "block"),
        of("reviews", "Reviews", lambda side: side.reviews.payments),
        *parts("reviews", "review"),
        billed("review_minutes", "Reviewers' hours", lambda bill: bill.review_minutes, "minutes"),
        billed("cost_cents", "Cost", lambda bill: bill.cents),
        billed("cost_missed_cents", "  of missed fraud", lambda bill: bill.missed_cents),
        billed("cost_review_cents", "  of reviews", lambda bill: bill.review_cents),
        billed("cost_blocked_cents", "  of honest payments that were blocked", lambda bill: bill.blocked_cents),
    ]


def known(side: Side) -> str:
    """Of how many payments it is known what they were, in words."""
    fraud, honest, unlabelled = (side.of(kinds=(kind,)).payments for kind in KINDS)
    return (
        f"{side.of().payments:,} payments: {fraud:,} are labelled as fraud, {honest:,} as honest; {unlabelled:,} have no label "
        "and count as neither"
    )


def says_of(found: WhatIf, costs: DecisionCosts, control_group_percent: float) -> list[str]:
    """What the reader must know besides, a sentence each."""
    one, other = found.comparison.recorded, found.comparison.otherwise
    said = []
    if one.of(kinds=("unlabelled",)).payments:
        were, would = (side.of(("block",), ("unlabelled",)).payments for side in (one, other))
        said.append(
            f"The cost is that of payments with a label, and of every review. Without a label {were:,} were blocked, and "
            f"{would:,} would be: whether that was right nobody knows, and it costs nothing here."
        )
    if found.by_rule:
        said.append(
            f"{found.by_rule:,} were decided by the fallback rule, as no model could be asked: they stay as they are."
        )
    if found.lacks:
        most = ", ".join(f"{name} ({count:,})" for name, count in found.lacks.most_common(5))
        more = f" and {len(found.lacks) - 5} more" if len(found.lacks) > 5 else ""
        said.append(
            f"The model reads features that decisions of then do not hold, and took them as missing: {most}{more}."
        )
    if found.uncomputed:
        said.append(f"The model takes features that are not computed here: {', '.join(found.uncomputed)}.")
    if found.let_through:
        said.append(
            f"{found.let_through:,} were let through as control group. They would be blocked otherwise, too, and stay so."
        )
    if control_group_percent:
        said.append(_control_group(found, costs, control_group_percent))
    if (limit := costs.reviews_a_day) is not None:
        were, would = (sum(day[side] > limit for day in found.reviews.values()) for side in (0, 1))
        said.append(
            f"The reviewers' {float(costs.review_hours_a_day):g} hours a day are {limit:,} reviews: {were:,} of "
            f"{len(found.reviews):,} days had more, and {would:,} would have."
        )
    missed, review, minutes, blocked = (
        f"{float(value):g}"
        for value in (costs.cost_missed_share, costs.cost_review, costs.review_minutes, costs.cost_blocked)
    )
    said.append(
        f"Costs: {missed} of its amount for a missed fraud, {review} for a review of {minutes} minutes, {blocked} for an honest "
        "payment that is blocked."
    )
    return said


def _control_group(found: WhatIf, costs: DecisionCosts, percent: float) -> str:
    """What a control group is expected to cost, in words."""
    cost = control_group_cost(found.would_block, costs, percent)
    blocked = sum(cell.payments for cell in found.would_block.values())
    unknown = found.would_block.get("unlabelled", Cell()).payments
    nobody_knows = f" Of {unknown:,} of those nobody knows what they were: they cost nothing here." if unknown else ""
    return (
        f"A control group of {percent:g}% is expected to let through {cost.payments:,.1f} of the {blocked:,} payments that the "
        f"model would block, {cost.cents / 100:,.2f} by amount, and to cost {cost.cost_cents / 100:,.2f}: "
        f"{cost.fraud_cents / 100:,.2f} of fraud less {cost.saved_cents / 100:,.2f} of honest payments that are not blocked."
        f"{nobody_knows}"
    )


def moves(comparison: Comparison) -> list[tuple[str, str, int, int, int, int]]:
    """(recorded outcome, the other, payments, of them fraud, honest, without a label) of each change that there was."""
    found = []
    for one in OUTCOMES:
        for other in OUTCOMES:
            kinds = [cell.payments for cell in comparison.moved(one, other).values()]
            if one != other and any(kinds):
                found.append((one, other, sum(kinds), *kinds))
    return found  # type: ignore[return-value] # three kinds


def as_json(found: WhatIf, costs: DecisionCosts, control_group_percent: float, facts: dict[str, Any]) -> dict[str, Any]:
    """All of it but the single payments."""
    comparison = found.comparison
    group = control_group_cost(found.would_block, costs, control_group_percent)
    side = comparison.recorded
    return {
        **facts,
        "payments": side.of().payments,
        "labelled_fraud": side.of(kinds=("fraud",)).payments,
        "labelled_honest": side.of(kinds=("honest",)).payments,
        "unlabelled": side.of(kinds=("unlabelled",)).payments,
        "by_fallback_rule": found.by_rule,
        "recorded_models": dict(sorted(found.models.items())),
        "changed": comparison.changed,
        "changes": [
            dict(zip(("recorded", "what_if", "payments", *KINDS), move, strict=True)) for move in moves(comparison)
        ],
        "control_group": {
            "percent": control_group_percent,
            "would_block": sum(cell.payments for cell in found.would_block.values()),
            "let_through_then": found.let_through,
            **{f"expected_{name}": round(value, 6) for name, value in group._asdict().items()},
            "expected_cost_cents": round(group.cost_cents, 6),
        },
        "costs": {name: str(value) for name, value in vars(costs).items()},
        "recorded": {one.name: one.recorded for one in figures(comparison, costs)},
        "what_if": {one.name: one.otherwise for one in figures(comparison, costs)},
        "features_lacking": dict(found.lacks),
        "features_not_computed": list(found.uncomputed),
    }


def what_if_report(path: Path, found: WhatIf, costs: DecisionCosts, lead: str, notices: Sequence[str]) -> None:
    """Write the page.

    Args:
        path: the file.
        lead: the sentence below the title.
        notices: what the reader must know besides.
    """
    largest = sorted(found.changed, key=lambda one: (-one.amount_cents, one.trans_time, one.transaction_id))[:SHOWN]
    write_page(
        path,
        "what_if.html",
        title="What if it had been decided otherwise",
        lead=lead,
        known=known(found.comparison.recorded),
        changed=f"{found.comparison.changed:,}",
        figures=[(one.says, one.says.startswith("  "), *one.cells) for one in figures(found.comparison, costs)],
        moves=[(one, other, *(f"{count:,}" for count in counts)) for one, other, *counts in moves(found.comparison)],
        notices=notices,
        largest=[_shown(one) for one in largest],
    )


def moment_text(moment_ms: int) -> str:
    """A moment, milliseconds since 1970, as people read it.

    >>> moment_text(1_767_225_600_000)
    '2026-01-01 00:00:00'
    """
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment_ms / 1000))


def _shown(one: Changed) -> dict[str, str]:
    return {
        "time": moment_text(one.trans_time),
        "transaction": one.transaction_id,
        "amount": f"{one.amount_cents / 100:,.2f}",
        "kind": one.kind,
        "recorded": one.recorded,
        "otherwise": one.otherwise,
        "score": "-" if one.score is None else f"{one.score:.4f}",
        "other_score": "-" if one.other_score is None else f"{one.other_score:.4f}",
    }
