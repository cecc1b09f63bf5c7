"""The environment of the function `champion`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """Where models are registered."""

    model_package_group: Name = Field(alias="MODEL_PACKAGE_GROUP")
