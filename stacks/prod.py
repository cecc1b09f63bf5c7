"""What `prod` has otherwise than `dev`: the defaults of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROD: Mapping[str, Any] = {
    "removal": "retain",
    "retention_days": 365,
    "archive_days": 3650,
    "streaming": "express",
    "partitions": 12,
    "heartbeat_ms": 10,
    "flush_ms": 2,
    "flink_parallelism": 4,
    "pollers": "provisioned",
    "consumers_least": 2,
    "consumers_most": 12,
    "nightly_engine": "spark",
    "nightly_instance_type": "ml.m5.4xlarge",
    "training_instance_type": "ml.m5.4xlarge",
    "endpoint_instance_type": "ml.c5.xlarge",
    "endpoint_instances_least": 2,
    "endpoint_instances_most": 8,
    "canary_percent": 50,
    "undecided_after_s": 10,
    "alarm_latency_ms": 500,
    "alarm_model_latency_ms": 100,
}
"""Where `prod` differs from `dev`."""
