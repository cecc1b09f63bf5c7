"""The environment of the function `archive`."""

from __future__ import annotations

from pydantic import Field

from fraud.wire_form import Undeclared
from lambda_src.environment import FunctionEnvironment, Name, Prefix


class Environment(FunctionEnvironment):
    """Where the archive of transactions and decisions is, and what cannot be archived."""

    archive_bucket: Name = Field(alias="ARCHIVE_BUCKET")
    transactions_prefix: Prefix = Field(alias="TRANSACTIONS_PREFIX")
    decisions_prefix: Prefix = Field(alias="DECISIONS_PREFIX")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
    undeclared_fields: Undeclared = Field(alias="UNDECLARED_FIELDS")
