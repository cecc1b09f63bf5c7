"""The environment of the function `train_model`."""

from __future__ import annotations

from lambda_src.arrivals import ArrivalsEnvironment


class Environment(ArrivalsEnvironment):
    """Where training rows arrive, and what trains on them."""
