"""Metrics that functions print, in CloudWatch's embedded metric format: they are read from the log, as the service does.

A line that speaks of the format without keeping to it gives no metric, and the log says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError
from emulator.limits.table import LIMITS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Datum:
    """One value of a metric."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


def embedded_metrics(log: str) -> Iterator[Datum]:
    r"""The metrics in a log.

    >>> metric = {"Namespace": "Shop", "Dimensions": [["service"]], "Metrics": [{"Name": "Late", "Unit": "Count"}]}
    >>> line = json.dumps({"_aws": {"CloudWatchMetrics": [metric]}, "service": "clerk", "Late": [2, 1]})
    >>> [(datum.name, datum.value, datum.dimensions) for datum in embedded_metrics(f"started\n{line}\n")]
    [('Late', 2.0, {'service': 'clerk'}), ('Late', 1.0, {'service': 'clerk'})]
    """
    for line in log.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line)
            LIMITS.check("logs:embedded-metrics", {"line": line, "document": document})
            yield from list(_metrics(document))
        except (ValueError, TypeError, AttributeError, KeyError, ServiceError) as error:
            _log.warning("no metric in embedded metric format (%s: %s): %s", type(error).__name__, error, line[:500])


def _metrics(document: dict[str, Any]) -> Iterator[Datum]:
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names if name in document}
            for metric in directive["Metrics"]:
                values = document.get(metric["Name"], [])
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    yield Datum(directive["Namespace"], metric["Name"], float(value), unit, dimensions)
