"""The environment of the function `create_topics`."""

from __future__ import annotations

from pydantic import Field

from lambda_src.environment import ClusterArn, FunctionEnvironment


class Environment(FunctionEnvironment):
    """The cluster; which topics it should have comes with each request."""

    cluster_arn: ClusterArn = Field(alias="CLUSTER_ARN")
