"""The environment of the function `start_stream`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment, Name


class Environment(FunctionEnvironment):
    """The stream application that is to run."""

    application_name: Name = Field(alias="APPLICATION_NAME")
