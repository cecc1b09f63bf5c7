"""A candidate that is the champion's shadow: where comparisons lie, and what CloudWatch is asked of each of the two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

COMPARISONS = "shadow/"
"""Prefix of the models bucket: a folder a run, with `comparison.json` and `comparison.html`."""
PERIOD_S = 3600
SUMS = {"asked": "Invocations", "refused": "Invocation4XXErrors", "failed": "Invocation5XXErrors"}
LATENCIES = {"p50": "p50", "p99": "p99"}


def queries(endpoint: str, variant: str) -> list[dict[str, Any]]:
    """What is asked of CloudWatch about a variant, in the form of its API GetMetricData: sums and latencies by the hour.

    Args:
        endpoint: its name.
        variant: the variant's, which the queries' ids begin with.
    """
    statistics = {
        **{name: (metric, "Sum") for name, metric in SUMS.items()},
        **{name: ("ModelLatency", statistic) for name, statistic in LATENCIES.items()},
    }
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return [
        {
            "Id": f"{variant}_{name}",
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": named},
                "Period": PERIOD_S,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in statistics.items()
    ]


def measured(results: Iterable[Mapping[str, Any]], variant: str) -> dict[str, float]:
    """What CloudWatch has found of a variant: sums over the hours, latencies of the worst one.

    Args:
        results: MetricDataResults of its answers; several of one id where the answer came in pages.
        variant: its name.

    Returns:
        `asked`, `errors`, `p50_us` and `p99_us`.

    >>> found = [{"Id": "main_asked", "Values": [3.0, 4.0]}, {"Id": "main_failed", "Values": [1.0]}]
    >>> measured([*found, {"Id": "main_p99", "Values": [7.0, 9.0]}, {"Id": "shadow_asked", "Values": [50.0]}], "main")
    {'asked': 7.0, 'errors': 1.0, 'p50_us': 0, 'p99_us': 9.0}
    """
    values: dict[str, list[float]] = {}
    for each in results:
        values.setdefault(str(each["Id"]), []).extend(each["Values"])

    def of(name: str) -> list[float]:
        return values.get(f"{variant}_{name}", [])

    return {
        "asked": sum(of("asked")),
        "errors": sum(of("refused")) + sum(of("failed")),
        **{f"{name}_us": max(of(name), default=0) for name in LATENCIES},
    }
