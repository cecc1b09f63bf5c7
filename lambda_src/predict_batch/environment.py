"""The environment of the function `predict_batch`."""

from __future__ import annotations

from lambda_src.arrivals import ArrivalsEnvironment


class Environment(ArrivalsEnvironment):
    """Where rows to be scored arrive, and what scores them."""
