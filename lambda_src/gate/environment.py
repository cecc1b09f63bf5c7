"""The environment of the function `gate`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """Where models and their evaluations are, and how far a candidate may fall short of the champion."""

    models_bucket: Name = Field(alias="MODELS_BUCKET")
    average_precision_margin: float = Field(alias="AVERAGE_PRECISION_MARGIN", ge=0, le=1)
    recall_margin: float = Field(alias="RECALL_MARGIN", ge=0, le=1)
    segment_margin: float = Field(alias="SEGMENT_MARGIN", ge=0, le=1)

    @property
    def margins(self) -> dict[str, float]:
        """Of each figure that decides."""
        return {"average_precision": self.average_precision_margin, "recall_at_fpr_0.001": self.recall_margin}
