"""What of an application's settings its stacks tell: what decisions cost, and the control group's share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from fraud.decision_costs import RANGES
from local.application import Application, ApplicationError
from local.archived import deployed_rule

COSTS_OUTPUT = "DecisionCosts"
"""Output of the stack Training: the settings in RANGES as an object of JSON, each a number as text."""


class DeployedSettings(NamedTuple):
    """Those of an application.

    Attributes:
        costs: {setting: its value}, of `fraud.decision_costs.RANGES`; empty if a release is deployed that does not tell them.
        control_group_percent: as the function that decides has it.
    """

    costs: Mapping[str, Decimal]
    control_group_percent: float


def deployed_settings(application: Application) -> DeployedSettings:
    """The settings that an application was deployed with.

    Raises:
        ApplicationError: the output is none that this release or an earlier one writes.
    """
    said = application.outputs.get(COSTS_OUTPUT)
    percent = deployed_rule(application).control_group_percent
    return DeployedSettings({} if said is None else _costs(said), percent)


def _costs(text: str) -> dict[str, Decimal]:
    try:
        found: dict[str, Any] = json.loads(text)
        return {name: Decimal(found[name]) for name in RANGES if name in found}
    except (ValueError, TypeError, InvalidOperation) as error:
        raise ApplicationError(f"the output {COSTS_OUTPUT} of the stack Training is {text!r}: {error}") from error
