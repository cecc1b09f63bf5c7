"""The environment variables of every function, read into typed models."""

from __future__ import annotations

import os
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from fraud.notation import decimal_number


def _is_prefix(value: str) -> str:
    if value.startswith("/") or not value.endswith("/"):
        raise ValueError("not a prefix; allowed: text that ends with / and does not begin with it")
    return value


Prefix = Annotated[str, Field(min_length=2), AfterValidator(_is_prefix)]
"""The beginning of a bucket's keys, as `quarantine/`."""

Name = Annotated[str, Field(min_length=1)]
ClusterArn = Annotated[str, Field(pattern=r"^arn:[^:]+:kafka:")]


class FunctionEnvironment(BaseModel):
    """The variables of every function; a function's own model adds its own. A field's alias is the variable's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(alias="LOG_LEVEL")
    service: Name = Field(alias="POWERTOOLS_SERVICE_NAME")
    metrics_namespace: Name = Field(alias="POWERTOOLS_METRICS_NAMESPACE")

    @field_validator("*", mode="before")
    @classmethod
    def _in_plain_digits(cls, value: object, info: ValidationInfo) -> object:
        if cls.model_fields[str(info.field_name)].annotation in (int, float) and isinstance(value, str):
            return decimal_number(value)
        return value

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The names of all variables that the function reads, and the stack sets.

        >>> sorted(FunctionEnvironment.variables())
        ['LOG_LEVEL', 'POWERTOOLS_METRICS_NAMESPACE', 'POWERTOOLS_SERVICE_NAME']
        """
        return frozenset(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def read(cls) -> Self:
        """The environment of this process; raises pydantic.ValidationError, which names the variable and what is allowed."""
        return cls.model_validate({name: os.environ[name] for name in cls.variables() & os.environ.keys()})


class TopicReaderEnvironment(FunctionEnvironment):
    """The variables of every function that reads a topic, beside those of all functions."""

    partial_failures: bool = Field(alias="PARTIAL_FAILURES")
    """Whether the mapping understands an answer that names the records that failed."""
