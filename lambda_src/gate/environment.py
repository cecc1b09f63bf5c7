"""The environment of the function `gate`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """Where models are, and the group in which the champion is registered."""

    models_bucket: Name = Field(alias="MODELS_BUCKET")
    model_package_group: Name = Field(alias="MODEL_PACKAGE_GROUP")
