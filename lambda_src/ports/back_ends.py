"""The back ends that the stack Batch may be deployed with, each by what its functions are told of it."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from lambda_src.ports.batch_back_end import BatchBackEnd
from lambda_src.ports.clients import client
from lambda_src.ports.sagemaker_back_end import SageMakerBackEnd


class SageMaker(BaseModel):
    """SageMaker: a state machine that trains, or one that scores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suffix: ClassVar[str] = ".parquet"
    """Of the objects that it takes."""

    kind: Literal["sagemaker"]
    machine: str = Field(pattern=r"^arn:[^:]+:states:")

    def made(self) -> BatchBackEnd:
        """The back end itself."""
        return SageMakerBackEnd(client("stepfunctions", timeout_s=10), self.machine)


BackEnd: TypeAlias = SageMaker
"""As a function's variable BACK_END has it, in JSON."""
