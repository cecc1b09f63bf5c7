"""Settings of logs and alarms."""

from __future__ import annotations

from typing import Literal

from stacks.setting_groups.group import Group
from stacks.setting_kinds import EMAIL, number, setting


class Alarms(Group):
    """What functions log, and when someone is told."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "what functions log", "DEBUG, INFO, WARNING or ERROR"
    )
    alarm_email: str | None = setting(
        None, "who is notified of alarms", "an e-mail address", pattern=EMAIL, max_length=254
    )
    alarm_latency_ms: int = number(
        2000, "alarm: from transaction to decision, 99th percentile, milliseconds", 50, 60_000
    )
    alarm_consumer_lag: int = number(10_000, "alarm: records a function is behind", 1, 100_000_000)
    alarm_fraud_percent: float = number(5, "alarm: share of transactions blocked or reviewed, percent", 0.01, 100)
    alarm_unknown_labels: int = number(
        100, "alarm: labels of unknown transactions within an hour; an import of old ones has many", 1, 100_000_000
    )
    alarm_api_latency_ms: int = number(1000, "alarm: the scoring API's 99th percentile, milliseconds", 20, 29_000)
    alarm_model_latency_ms: int = number(250, "alarm: the endpoint's 99th percentile, milliseconds", 5, 60_000)
