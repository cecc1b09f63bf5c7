"""What state an alarm is in, as CloudWatch says it: period by period, and by how missing ones are to be taken."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def state(
    alarm: Mapping[str, Any], statistic: Callable[[float, float], float | None], at_s: float, scale: float = 1
) -> str | None:
    """The state of an alarm on one metric; None if it stays as it is.

    Page *alarm-evaluation*: the newest EvaluationPeriods periods are looked at, of which DatapointsToAlarm (all, unless it is
    given) have to breach. A period that has only begun counts as soon as it has data.

    Args:
        alarm: as PutMetricAlarm takes it.
        statistic: of the metric over [from, to), in seconds since 1970; None without data.
        at_s: now.
        scale: the share of its period that a period lasts here.

    >>> alarm = {"Period": 60, "EvaluationPeriods": 2, "Threshold": 1, "TreatMissingData": "notBreaching"}
    >>> alarm["ComparisonOperator"] = "GreaterThanOrEqualToThreshold"
    >>> [state(alarm, lambda start, _: errors.get(start), 170.0) for errors in ({60: 3.0, 120: 1.0}, {60: 3.0}, {120: 1.0}, {})]
    ['ALARM', 'OK', 'OK', 'OK']
    """
    length_s = alarm["Period"] * scale
    newest = math.floor(at_s / length_s)

    def of(period: int) -> float | None:
        return statistic(period * length_s, (period + 1) * length_s)

    if of(newest) is None:
        newest -= 1
    values = [of(newest - back) for back in range(alarm["EvaluationPeriods"])]
    breaches, threshold = _BREACHES[alarm["ComparisonOperator"]], alarm["Threshold"]
    missing = alarm.get("TreatMissingData") or "missing"
    if all(value is None for value in values) and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else None
    breaching = sum(missing == "breaching" if value is None else breaches(value, threshold) for value in values)
    return "ALARM" if breaching >= (alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]) else "OK"
