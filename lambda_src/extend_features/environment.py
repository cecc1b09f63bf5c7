"""The environment of the function `extend_features`: no variables of its own; the groups come with each request."""

from __future__ import annotations

from lambda_src.environment import FunctionEnvironment


class Environment(FunctionEnvironment):
    """The variables of every function."""
