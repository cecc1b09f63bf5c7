"""CloudWatch as endpoints use it: what they count there, and the alarms that watch over their deployments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

NAMESPACE = "AWS/SageMaker"


class CloudWatch(Protocol):
    """Where metrics go and alarms stand."""

    def put(self, name: str, dimensions: Mapping[str, str], value: float) -> None:
        """A value of a metric of AWS/SageMaker's."""
        ...

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        """{alarm: its state}, of those of these names that there are."""
        ...


class Nowhere:
    """Counts nothing, and has no alarm."""

    def put(self, name: str, dimensions: Mapping[str, str], value: float) -> None:
        """Drops it."""

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        """None."""
        return {}


def measure(cloudwatch: CloudWatch, endpoint: str, config: str, variant: str, status: int, seconds: float) -> None:
    """Counts an answer of a model's.

    Page *monitoring-cloudwatch*: Invocations; Invocation4XXErrors and Invocation5XXErrors, 1 for each such answer and 0 for
    another, so that their average is a rate; ModelLatency in microseconds. Page *deployment-guardrails-configuration*: they are
    published with EndpointConfigName, too, which tells an old fleet from a new one.

    Args:
        status: 0 if it did not answer, which counts as an error of its own.
    """
    values = {
        "Invocations": 1.0,
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status != 200 and not 400 <= status < 500),
        # three digits: latencies of the same second that are alike are one point with a count
        "ModelLatency": float(f"{seconds * 1e6:.2e}"),
    }
    of_variant = {"EndpointName": endpoint, "VariantName": variant}
    for name, value in values.items():
        for dimensions in (of_variant, {**of_variant, "EndpointConfigName": config}):
            cloudwatch.put(name, dimensions, value)
