"""The environment of the function `publish_detector`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """The detector and its model, and the scores from which a risk is high or medium."""

    detector: Name = Field(alias="DETECTOR")
    model: Name = Field(alias="MODEL")
    high: int = Field(alias="HIGH_FROM", ge=1, le=1000)
    medium: int = Field(alias="MEDIUM_FROM", ge=1, le=1000)
