"""Which state an alarm is in, by its periods; and which fleet a request goes to."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.alarms import state
from emulator.sagemaker.fleets import Fleet, Traffic

NOW_S = 605.0
"""Of minute 10; the one before is minute 9."""


def judged(values: dict[int, float], **alarm: Any) -> str | None:
    """The state of an alarm on at least 1 in two minutes, of a metric with these values in these minutes."""
    usual = {"Period": 60, "EvaluationPeriods": 2, "Threshold": 1.0, "TreatMissingData": "notBreaching"}
    usual["ComparisonOperator"] = "GreaterThanOrEqualToThreshold"
    return state({**usual, **alarm}, lambda start, end: values.get(round(start / 60)), NOW_S)


@pytest.mark.parametrize(
    ("values", "alarm", "found"),
    [
        ({9: 1, 10: 1}, {}, "ALARM"),
        ({9: 0, 10: 5}, {}, "OK"),
        # a minute that has only begun and has no data yet is passed over
        ({8: 1, 9: 1}, {}, "ALARM"),
        ({7: 1, 8: 1}, {}, "OK"),
        ({9: 0, 10: 1}, {"DatapointsToAlarm": 1}, "ALARM"),
        ({9: 1}, {"TreatMissingData": "breaching"}, "ALARM"),
        ({}, {"TreatMissingData": "breaching"}, "ALARM"),
        ({}, {"TreatMissingData": "missing"}, "INSUFFICIENT_DATA"),
        ({}, {"TreatMissingData": "ignore"}, None),
        ({9: 1, 10: 1}, {"ComparisonOperator": "GreaterThanThreshold"}, "OK"),
        ({9: 0, 10: 0}, {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
    ],
)
def test_an_alarm_is_judged_period_by_period(
    values: dict[int, float], alarm: dict[str, Any], found: str | None
) -> None:
    assert judged(values, **alarm) == found


def test_periods_that_last_a_tenth_are_judged_as_such() -> None:
    asked: list[tuple[float, float]] = []
    alarm = {"Period": 60, "EvaluationPeriods": 2, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    state(alarm, lambda start, end: asked.append((start, end)), 15.0, 0.1)
    assert asked == [(12.0, 18.0), (6.0, 12.0), (0.0, 6.0)]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.3, 0.5])
def test_the_new_fleet_gets_its_share_exactly(share: float) -> None:
    unused: Any = None
    traffic, old, new = Traffic(), Fleet("old", unused), Fleet("new", unused)
    traffic.settle(old)
    traffic.shift(new, share)
    answered = 0
    for number in range(1, 1001):
        with traffic.turn() as fleet:
            answered += fleet is new
        assert answered == int(number * share + 1e-9)
    traffic.settle(old)
    with traffic.turn() as fleet:
        assert fleet is old
