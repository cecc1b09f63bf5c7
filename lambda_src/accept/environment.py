"""The environment of the function `accept`."""

from __future__ import annotations

from pydantic import Field

from fraud.wire_form import Undeclared
from lambda_src.environment import Name, Prefix, TopicReaderEnvironment


class Environment(TopicReaderEnvironment):
    """Where refused transactions go, and the queue that brings valid ones to the watch after a while."""

    quarantine_bucket: Name = Field(alias="QUARANTINE_BUCKET")
    quarantine_prefix: Prefix = Field(alias="QUARANTINE_PREFIX")
    watch_queue_url: Name = Field(alias="WATCH_QUEUE_URL")
    undecided_after_s: int = Field(alias="UNDECIDED_AFTER_S", ge=1, le=900)  # a queue delays by 15 minutes at most
    undeclared_fields: Undeclared = Field(alias="UNDECLARED_FIELDS")
