"""The environment of the function `record_labels`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name, Prefix


class Environment(FunctionEnvironment):
    """Where labels are kept, where decisions are, and what is done with a message that is no label."""

    labels_table: Name = Field(alias="LABELS_TABLE")
    decisions_table: Name = Field(alias="DECISIONS_TABLE")
    archive_bucket: Name = Field(alias="ARCHIVE_BUCKET")
    labels_prefix: Prefix = Field(alias="LABELS_PREFIX")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
