"""The environment of the function `place_file`: no variables of its own; what is copied where comes with each request."""

from __future__ import annotations

from lambda_src.environment import FunctionEnvironment


class Environment(FunctionEnvironment):
    """The variables of every function."""
