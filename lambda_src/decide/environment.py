"""The environment of the function `decide`."""

from __future__ import annotations

from pydantic import Field, Json

from fraud.control_group import MOST_PERCENT
from fraud.decision import FallbackRule
from lambda_src.environment import Name, Prefix, TopicReaderEnvironment


class Environment(TopicReaderEnvironment):
    """The nightly store, the model, where decisions go, and what holds when the model cannot be asked."""

    nightly_feature_group: Name = Field(alias="NIGHTLY_FEATURE_GROUP")
    endpoint_name: Name = Field(alias="ENDPOINT_NAME")
    decisions_table: Name = Field(alias="DECISIONS_TABLE")
    event_bus_name: Name = Field(alias="EVENT_BUS_NAME")
    fallback_rule: Json[FallbackRule] = Field(alias="FALLBACK_RULE")
    nightly_too_old_after_h: float = Field(alias="NIGHTLY_TOO_OLD_AFTER_H", gt=0)
    control_group_percent: float = Field(alias="CONTROL_GROUP_PERCENT", ge=0, le=MOST_PERCENT)
    quarantine_bucket: Name = Field(alias="QUARANTINE_BUCKET")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
