"""Settings of what serves: the endpoint, how a new model takes over, and what decides without a model."""

from __future__ import annotations

from math import ceil
from typing import Self

from pydantic import model_validator

from fraud.control_group import MOST_PERCENT
from fraud.decision import FallbackRule
from stacks.setting_groups.group import Group
from stacks.setting_kinds import MACHINE_SAYS, EndpointMachine, Money, number, setting


class Serving(Group):
    """The endpoint, how a new model takes over, and what decides without a model."""

    endpoint_instance_type: EndpointMachine = setting(
        "ml.t2.medium", "machine of the model's endpoint", MACHINE_SAYS.format("endpoints")
    )
    endpoint_instances_least: int = number(1, "machines of the endpoint, at least", 1, 50)
    endpoint_instances_most: int = number(1, "machines of the endpoint, at most", 1, 100)
    endpoint_calls_a_minute: int = number(
        3000, "calls a minute and machine from which the endpoint grows", 10, 1_000_000
    )
    captured_percent: int = number(20, "share of the endpoint's requests that is kept, percent", 0, 100)
    canary_percent: int = number(0, "share of the machines that a new model gets first, percent; 0: all at once", 0, 50)
    # the alarms look at two minutes: a shorter watch would be over before one of them can go off
    canary_wait_s: int = number(300, "how long the canary is watched, seconds", 180, 3600)

    shadow_percent: int = number(
        0,
        "share of the requests that a candidate is asked as the champion's shadow before it is registered, percent; 0: none",
        0,
        100,
    )
    # with training, evaluation and taking over within the day that a run may take
    shadow_hours: int = number(4, "how long a candidate is a shadow", 1, 12)
    shadow_error_percent: float = number(1, "gate: share of a shadow's answers that may be errors, percent", 0, 100)

    review_from_amount: Money = number(500, "fallback rule: review from this amount", 0, 1_000_000)
    block_from_amount: Money = number(5000, "fallback rule: block from this amount", 0, 1_000_000)
    review_from_num_trans_last_10m: int = number(4, "fallback rule: review from so many in 10 minutes", 1, 10_000)
    control_group_percent: float = number(
        0,
        "of a hundred payments that the model would block, so many are approved as the control group, whose labels show "
        "what it blocks wrongly; 0: none",
        0,
        MOST_PERCENT,
    )
    undecided_after_s: int = number(60, "a transaction undecided after so many seconds gets the fallback rule", 5, 900)

    @model_validator(mode="after")
    def _serving_possible(self) -> Self:
        self._ordered(
            ("endpoint_instances_least", "endpoint_instances_most"), ("review_from_amount", "block_from_amount")
        )
        if self.endpoint_instance_type.startswith("ml.t2.") and self.endpoint_grows:
            raise ValueError(
                f"endpoint_instances_most ({self.endpoint_instances_most}) is above endpoint_instances_least "
                f"({self.endpoint_instances_least}) with {self.endpoint_instance_type}, whose number SageMaker does not change "
                "by itself; allowed: the same number, or a machine that is not ml.t2"
            )
        if self.canary_percent and self.endpoint_instances_least == 1:
            raise ValueError(
                f"canary_percent ({self.canary_percent}) needs a second machine that goes on serving; "
                "allowed: canary_percent=0 with endpoint_instances_least=1, or endpoint_instances_least of 2 and more"
            )
        if 0 < self.canary_percent * self.endpoint_instances_least < 100:
            smallest = ceil(100 / self.endpoint_instances_least)
            raise ValueError(
                f"canary_percent ({self.canary_percent}) of endpoint_instances_least ({self.endpoint_instances_least}) "
                f"is less than one machine; allowed: 0, or {f'{smallest} to 50' if smallest < 50 else '50'}"
            )
        return self

    @property
    def endpoint_grows(self) -> bool:
        """Whether the endpoint's machines become more with its load."""
        return self.endpoint_instances_least < self.endpoint_instances_most

    @property
    def fallback_rule(self) -> FallbackRule:
        """What decides when the model cannot be asked."""
        return FallbackRule(
            review_from_amount=self.review_from_amount,
            block_from_amount=self.block_from_amount,
            review_from_num_trans_last_10m=self.review_from_num_trans_last_10m,
        )
