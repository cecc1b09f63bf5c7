"""The environment of the function `catch_up`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import ClusterArn, FunctionEnvironment


class Environment(FunctionEnvironment):
    """The cluster whose topics are read."""

    cluster_arn: ClusterArn = Field(alias="CLUSTER_ARN")
