"""What the functions log and count."""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["Event", "LambdaContext", "MetricUnit", "logger", "metrics", "with_request"]

Event: TypeAlias = dict[str, Any]
"""What Lambda hands a handler: an AWS service's JSON."""

# a batch of heartbeats has nothing to count
warnings.filterwarnings("ignore", "No application metrics to publish")

logger = Logger()
metrics = Metrics()

with_request = logger.inject_lambda_context(clear_state=True)
"""Of a handler: each of its log lines says which request it is about, and whether it is the instance's first."""
