"""The environment of the function `ingest_features`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import Name, TopicReaderEnvironment


class Environment(TopicReaderEnvironment):
    """The feature group of the stream's features, and how long it keeps them."""

    stream_feature_group: Name = Field(alias="STREAM_FEATURE_GROUP")
    features_ttl_days: int = Field(alias="FEATURES_TTL_DAYS", ge=1)
