"""The back ends that the stack Batch may be deployed with, each by what its functions are told of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from fraud.detector import Version
from lambda_src.environment import Name, Prefix
from lambda_src.ports.batch_back_end import BatchBackEnd
from lambda_src.ports.clients import client
from lambda_src.ports.fraud_detector_back_end import Clients, FraudDetectorBackEnd, Names
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


class FraudDetector(BaseModel):
    """Amazon Fraud Detector: a model and a detector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suffix: ClassVar[str] = ".csv"
    """Of the objects that it takes."""

    kind: Literal["fraud-detector"]
    model: Name
    detector: Name
    role: str = Field(pattern=r"^arn:[^:]+:iam:")
    mode: Literal["create", "update"]
    version: str = Field(pattern=r"^[1-9][0-9]{0,3}\.[0-9]{1,2}$")
    publishing: str = Field(pattern=r"^arn:[^:]+:states:")
    out: Prefix

    def made(self) -> BatchBackEnd:
        """The back end itself."""
        clients = Clients(
            client("frauddetector", timeout_s=10), client("s3", timeout_s=10), client("stepfunctions", timeout_s=10)
        )
        names = Names(
            self.model, self.detector, self.role, self.mode, Version.read(self.version), self.publishing, self.out
        )
        return FraudDetectorBackEnd(clients, names)


BackEnd: TypeAlias = Annotated[SageMaker | FraudDetector, Field(discriminator="kind")]
"""As a function's variable BACK_END has it, in JSON."""
