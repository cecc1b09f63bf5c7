"""How things are measured that a limit is on, in the resources of a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.limits.units import metadata_octets


def variables_octets(variables: Mapping[str, Any]) -> int:
    """Bytes of a function's environment: names and values."""
    return metadata_octets({name: str(value) for name, value in variables.items()})


def actions_of_a_statement(statement: Mapping[str, Any]) -> int:
    actions = statement.get("Action") or []
    return len(actions) if isinstance(actions, list) else 1


def uneven_period(period_s: Any) -> int:
    """1 for the period of an alarm that is neither 10, 20 nor 30 seconds nor whole minutes."""
    return int(int(period_s) not in (10, 20, 30) and int(period_s) % 60 != 0)


def watched_s(alarm: Mapping[str, Any]) -> float:
    """Seconds that an alarm looks back; those with periods of an hour and more are counted by `watched_long_s`."""
    period_s = float(alarm.get("Period") or 0)
    return period_s * float(alarm.get("EvaluationPeriods") or 1) if period_s < 3600 else 0


def watched_long_s(alarm: Mapping[str, Any]) -> float:
    """Seconds that an alarm with periods of an hour and more looks back."""
    return float(alarm.get("Period") or 0) * float(alarm.get("EvaluationPeriods") or 1)


def batch_without_window(mapping: Mapping[str, Any]) -> int:
    """The batch size of a queue's mapping that has no batching window."""
    of_a_queue = ":sqs:" in str(mapping.get("EventSourceArn"))
    waits = int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    return int(mapping.get("BatchSize") or 10) if of_a_queue and not waits else 0


def error_handling_without_pollers(mapping: Mapping[str, Any]) -> int:
    """Settings of how errors are handled, of a mapping of Kafka that is not in provisioned mode."""
    if ":kafka:" not in str(mapping.get("EventSourceArn")) or mapping.get("ProvisionedPollerConfig"):
        return 0
    numbers = ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
    split = str(mapping.get("BisectBatchOnFunctionError", False)).lower() == "true"
    return (
        sum(int(mapping.get(name, -1)) != -1 for name in numbers) + split + bool(mapping.get("FunctionResponseTypes"))
    )


def too_young(mapping: Mapping[str, Any]) -> int:
    """1 for a mapping whose records are given up before they are a minute old."""
    return int(0 <= int(mapping.get("MaximumRecordAgeInSeconds", -1)) < 60)


def pollers_at_least_above_at_most(pollers: Mapping[str, Any]) -> int:
    """By how many the least number of pollers is above the largest."""
    return max(0, int(pollers.get("MinimumPollers", 1)) - int(pollers.get("MaximumPollers", 200)))


def seconds_before_its_function(mapping: Mapping[str, Any]) -> float:
    """How much earlier a queue shows its messages again than its function is timed out.

    Args:
        mapping: `VisibilityTimeout` of the queue and `Timeout` of the function.
    """
    return float(mapping["Timeout"]) - float(mapping["VisibilityTimeout"])


def longest_list(document: Mapping[str, Any]) -> int:
    """Values of the metric that has most, in a line of embedded metrics."""
    directives = document["_aws"]["CloudWatchMetrics"]
    targets = [document.get(metric["Name"]) for directive in directives for metric in directive["Metrics"]]
    return max((len(target) for target in targets if isinstance(target, list)), default=0)
