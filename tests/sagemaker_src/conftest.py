"""The jobs' AWS: as the functions' tests have it."""

from tests.lambda_src.conftest import aws, feature_store, loader

__all__ = ["aws", "feature_store", "loader"]
