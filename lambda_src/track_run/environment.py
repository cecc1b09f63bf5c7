"""The environment of the function `track_run`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """Which server keeps runs, and where models and their evaluations are."""

    tracking_server: Annotated[str, Field(pattern=r"^arn:[^:]+:sagemaker:[^:]+:\d{12}:mlflow-tracking-server/")] = (
        Field(alias="TRACKING_SERVER_ARN")
    )
    models_bucket: Name = Field(alias="MODELS_BUCKET")
