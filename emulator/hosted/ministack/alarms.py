"""CloudWatch for SageMaker's endpoints: their metrics, and alarms on them that are evaluated as the service does it.

MiniStack's own evaluation puts all metrics of a name together, whatever their dimensions, all of an alarm's periods into one, and
never lets an alarm go that has no data any more. It stands for all other namespaces.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.alarms import state
from emulator.hosted.ministack.names import cloudwatch
from emulator.sagemaker.measures import NAMESPACE

KEPT_S = 3 * 3600.0
"""Points of less than a minute are kept so long by the service, too (page *cloudwatch_concepts*)."""
TOGETHER_S = 0.25
"""Equal values within so long are one point with a count."""


class EndpointMetrics:
    """The metrics of endpoints, and the alarms; `emulator.sagemaker.measures.CloudWatch`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def put(self, name: str, dimensions: Mapping[str, str], value: float) -> None:
        """A value, now."""
        at_s, named = time.time(), dict(dimensions)
        with self._lock:
            points = cloudwatch._metric_bucket((NAMESPACE, name, cloudwatch._dims_key(named)))
            for point in reversed(points[-8:]):
                if point["Value"] == value and at_s - point["Timestamp"] < TOGETHER_S:
                    point["Count"] += 1.0
                    return
            point = {"Timestamp": at_s, "Unit": "None", "Dimensions": named, "Value": value, "Count": 1.0}
            points.append(point)
            while points[0]["Timestamp"] < at_s - KEPT_S:
                del points[0]

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        """{alarm: its state}, of those of these names that there are."""
        kinds = (cloudwatch._alarms, cloudwatch._composite_alarms)
        found = ((name, kind.get(name)) for name in names for kind in kinds)
        return {name: alarm["StateValue"] for name, alarm in found if alarm}


def judge_endpoints_alarms(scale: float) -> None:
    """Alarms on endpoints' metrics are evaluated as the service does it.

    Args:
        scale: the share of its period that a period of theirs lasts here.
    """
    theirs = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        if alarm.get("Namespace") != NAMESPACE or "Metrics" in alarm:
            theirs(alarm)
            return
        found = state(alarm, lambda start, end: _statistic(alarm, start, end), time.time(), scale)
        before = alarm["StateValue"]
        if found is None or found == before:
            return
        reason = (
            f"{alarm['MetricName']}: {alarm['EvaluationPeriods']} periods looked at, threshold {alarm['Threshold']}"
        )
        alarm.update(StateValue=found, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], before, found, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, found, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


def _statistic(alarm: Mapping[str, Any], start: float, end: float) -> float | None:
    """The alarm's statistic of its metric, that of its dimensions alone, over [start, end)."""
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    points = cloudwatch._metrics.get((NAMESPACE, alarm["MetricName"], cloudwatch._dims_key(dimensions))) or []
    within = []
    for point in reversed(points):  # the newest are asked for, and they are the last
        if point["Timestamp"] < start:
            break
        if point["Timestamp"] < end:
            within.append(point)
    if not within:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value = cloudwatch._stat_value(cloudwatch._calc_stats(within), name, within)
    return None if value is None else float(value)
