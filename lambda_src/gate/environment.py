"""The environment of the function `gate`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """Where models and their evaluations are."""

    models_bucket: Name = Field(alias="MODELS_BUCKET")
