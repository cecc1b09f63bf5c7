"""The environment of the function `start_stream`: no variables of its own; which application it is comes with each request."""

from __future__ import annotations

from lambda_src.environment import FunctionEnvironment


class Environment(FunctionEnvironment):
    """The variables of every function."""
