"""The environment of the function `start_transform`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, Json

from lambda_src.environment import FunctionEnvironment, Name


class Columns(BaseModel):
    """The columns of a file.

    Attributes:
        types: {column: the catalogue's type of it}.
        needed: those without which nothing can be transformed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    types: dict[str, str]
    needed: tuple[str, ...]


class Environment(FunctionEnvironment):
    """Where files are dropped (an S3 URI), what the crawler writes of them, what may be in them, and what transforms them."""

    input: Name = Field(alias="INPUT")
    database: Name = Field(alias="DATABASE_NAME")
    job: Name = Field(alias="JOB_NAME")
    columns: Json[Columns] = Field(alias="COLUMNS")
    bus: Name = Field(alias="EVENT_BUS_NAME")
