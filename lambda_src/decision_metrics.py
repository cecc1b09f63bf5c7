"""What is counted of decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aws_lambda_powertools import single_metric

from fraud.decision import Decision
from lambda_src.telemetry import MetricUnit, metrics


def count_decisions(new: Sequence[Decision], recorded_at: int) -> None:
    """Count decisions by outcome and by path, those of the control group, and how long each took.

    Args:
        new: decisions that were made now.
        recorded_at: when they were recorded, milliseconds since 1970 in UTC.
    """
    for decision in new:
        metrics.add_metric("DecisionLatency", MetricUnit.Milliseconds, recorded_at - decision.trans_time)
    if let_through := sum(decision.control_group for decision in new):
        metrics.add_metric("ControlGroup", MetricUnit.Count, let_through)
    for dimension in ("outcome", "path"):
        for value, count in Counter(getattr(decision, dimension) for decision in new).items():
            with single_metric("Decisions", MetricUnit.Count, count) as metric:
                metric.add_dimension(dimension, value)
