"""The jobs' AWS: as the functions' tests have it."""

from tests.handlers.conftest import aws, feature_store, loader

__all__ = ["aws", "feature_store", "loader"]
