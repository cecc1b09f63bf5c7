"""The environment of the function `api`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, Json

from fraud.control_group import MOST_PERCENT
from fraud.decision import FallbackRule
from fraud.wire_form import Undeclared
from lambda_src.environment import FunctionEnvironment, Name, Prefix


class Environment(FunctionEnvironment):
    """The feature store, the model, where decisions and labels go, and what holds when the model cannot be asked."""

    stream_feature_group: Name = Field(alias="STREAM_FEATURE_GROUP")
    nightly_feature_group: Name = Field(alias="NIGHTLY_FEATURE_GROUP")
    endpoint_name: Name = Field(alias="ENDPOINT_NAME")
    decisions_table: Name = Field(alias="DECISIONS_TABLE")
    labels_table: Name = Field(alias="LABELS_TABLE")
    event_bus_name: Name = Field(alias="EVENT_BUS_NAME")
    fallback_rule: Json[FallbackRule] = Field(alias="FALLBACK_RULE")
    nightly_too_old_after_h: float = Field(alias="NIGHTLY_TOO_OLD_AFTER_H", gt=0)
    control_group_percent: float = Field(alias="CONTROL_GROUP_PERCENT", ge=0, le=MOST_PERCENT)
    undeclared_fields: Undeclared = Field(alias="UNDECLARED_FIELDS")
    clock: Literal["request", "stated"] = Field(alias="CLOCK")
    """What a transaction's time is: that of the request, or the one that its producer states, where past days are replayed."""
    quarantine_bucket: Name = Field(alias="QUARANTINE_BUCKET")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
