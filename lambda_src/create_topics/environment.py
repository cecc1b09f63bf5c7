"""The environment of the function `create_topics`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import FunctionEnvironment


class Environment(FunctionEnvironment):
    """The cluster; which topics it should have comes with each request."""

    cluster_arn: str = Field(alias="CLUSTER_ARN", pattern=r"^arn:[^:]+:kafka:")
