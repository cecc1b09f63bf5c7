"""The jobs' AWS, as the functions' tests have it; and a model as it is served."""

from tests.lambda_src.conftest import aws, feature_store, loader
from tests.sagemaker_src.served_model import model, rows

__all__ = ["aws", "feature_store", "loader", "model", "rows"]
