"""The environment of the function `watch`."""

from __future__ import annotations

from pydantic import Field, Json

from fraud.decision import FallbackRule
from lambda_src.environment import FunctionEnvironment, Name, Prefix


class Environment(FunctionEnvironment):
    """Where decisions are kept, the rule for a transaction that has none after so many seconds, and where collisions are kept."""

    decisions_table: Name = Field(alias="DECISIONS_TABLE")
    event_bus_name: Name = Field(alias="EVENT_BUS_NAME")
    fallback_rule: Json[FallbackRule] = Field(alias="FALLBACK_RULE")
    quarantine_bucket: Name = Field(alias="QUARANTINE_BUCKET")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
    undecided_after_s: int = Field(alias="UNDECIDED_AFTER_S", ge=1, le=900)
