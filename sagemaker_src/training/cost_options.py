"""What decisions cost, as options of the programs here."""

from __future__ import annotations

import argparse
from decimal import Decimal

from fraud.decision_costs import RANGES, DecisionCosts
from fraud.notation import decimal_number
from sagemaker_src.options import typed

COST_SAYS = {
    "cost_missed_share": "the share of its amount that a missed fraud costs",
    "cost_review": "what a review costs",
    "cost_blocked": "what a wrongly blocked payment costs",
    "review_hours_a_day": "the reviewers' hours a day; 0: no limit",
    "review_minutes": "how long a review takes, minutes",
}
"""{cost: what it is}, of each of `fraud.decision_costs.RANGES`."""
THRESHOLDS_BY = ("shares", "costs")
"""What thresholds are chosen by: the shares of honest rows that may be reviewed and blocked, or what decisions cost."""


def add_cost_options(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each of the costs, `--cost-review` and so on."""
    defaults = DecisionCosts()
    for name in RANGES:
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=typed(_decimal),
            default=getattr(defaults, name),
            help=f"{COST_SAYS[name]}; default %(default)s",
        )


def read_costs(options: argparse.Namespace) -> DecisionCosts:
    """The costs that options say.

    Raises:
        fraud.decision_costs.DecisionCostsError: one is outside its range.
    """
    return DecisionCosts(**{name: getattr(options, name) for name in RANGES})


def _decimal(text: str) -> Decimal:
    decimal_number(text)
    return Decimal(text)
