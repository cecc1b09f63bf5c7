"""How a new fleet takes an endpoint's requests over: what a DeploymentConfig asks for, in steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError

MOST_PERCENT = 50
"""Page API_TrafficRoutingConfig: a canary is "less than or equal to 50% of the variant's total instance count", a linear step
"10-50%" of it."""
LEAST_STEP_PERCENT = 10
LONGEST_S = 4 * 3600


@dataclass(frozen=True)
class Plan:
    """How the new fleet takes over.

    Attributes:
        shares: of the requests, that go to it, one after the other; the last is 1.
        wait_s: how long each share is watched, the last as well (page *deployment-guardrails-blue-green-canary*: "there is a
            final baking period").
        termination_s: how long the old fleet is kept after that.
        alarms: any of these in ALARM ends the deployment.
    """

    shares: tuple[float, ...] = (1.0,)
    wait_s: int = 0
    termination_s: int = 0
    alarms: tuple[str, ...] = ()


def plan(config: dict[str, Any] | None, instances: int) -> Plan:
    """What a DeploymentConfig asks for; without one, all requests go to the new fleet at once and nothing is waited for.

    Args:
        instances: of the new fleet.

    Raises:
        ServiceError: the service takes no such configuration, or it is not implemented here.

    >>> size = {"Type": "CAPACITY_PERCENT", "Value": 25}
    >>> routing = {"Type": "LINEAR", "LinearStepSize": size, "WaitIntervalInSeconds": 60}
    >>> plan({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}, 4).shares
    (0.25, 0.5, 0.75, 1.0)
    """
    if not config:
        return Plan()
    if config.get("RollingUpdatePolicy"):
        raise ServiceError("ValidationException", "only blue/green deployments are played here, no rolling ones")
    alarms = tuple(one["AlarmName"] for one in (config.get("AutoRollbackConfiguration") or {}).get("Alarms", []))
    policy = config.get("BlueGreenUpdatePolicy")
    if not policy:
        return Plan(alarms=alarms)
    routing = policy["TrafficRoutingConfiguration"]
    wait_s, termination_s = routing["WaitIntervalInSeconds"], policy.get("TerminationWaitInSeconds", 0)
    longest_s = policy.get("MaximumExecutionTimeoutInSeconds", LONGEST_S)
    if longest_s <= wait_s + termination_s:
        raise ServiceError(
            "ValidationException",
            f"MaximumExecutionTimeoutInSeconds {longest_s}; allowed: more than the total waiting time of "
            f"WaitIntervalInSeconds and TerminationWaitInSeconds, {wait_s + termination_s}",
        )
    return Plan(_shares(routing, instances), wait_s, termination_s, alarms)


def _shares(routing: dict[str, Any], instances: int) -> tuple[float, ...]:
    kind = routing["Type"]
    if kind == "CANARY":
        return _share(routing, "CanarySize", instances, 0), 1.0
    if kind == "LINEAR":
        step = _share(routing, "LinearStepSize", instances, LEAST_STEP_PERCENT)
        return *(step * number for number in range(1, int(1 / step) + 1) if step * number < 1), 1.0
    return (1.0,)


def _share(routing: dict[str, Any], name: str, instances: int, least_percent: int) -> float:
    """The share of the requests that a size stands for: traffic is turned on by whole instances."""
    size = routing.get(name)
    if not size:
        raise ServiceError("ValidationException", f"{routing['Type']} without {name}; allowed: {name} with it")
    counted = size["Type"] == "INSTANCE_COUNT"
    percent = size["Value"] * 100 / instances if counted else float(size["Value"])
    if not max(least_percent, 100 / instances) <= percent <= MOST_PERCENT:
        least = f"one instance and {least_percent}%" if least_percent else "one instance"
        raise ServiceError(
            "ValidationException",
            f"{name} of {size['Value']}{'' if counted else '%'} of {instances} instances; "
            f"allowed: at least {least}, at most {MOST_PERCENT}% of them",
        )
    return percent / 100
