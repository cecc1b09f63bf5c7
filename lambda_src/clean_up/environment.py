"""The environment of the function `clean_up`: no variables of its own; what is to be deleted comes with each request."""

from __future__ import annotations

from lambda_src.environment import FunctionEnvironment


class Environment(FunctionEnvironment):
    """The variables of every function."""
