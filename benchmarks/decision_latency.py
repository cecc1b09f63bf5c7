"""From Kafka in to decision recorded, through the stacks, at 200 transactions a second, every process on this machine.

python -m benchmarks.decision_latency
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from local.decided_day import DecidedDay, latency_ms
from local.demo import DemoSettings, run_demo
from local.screen import SilentScreen

RUNS = 2
WARM_UP_S = 10
"""Of each run: Java compiles what it runs often, and the processes meet their first batch."""
TARGETS_MS = {"p50": 60, "p99": 250}
SETTINGS = DemoSettings(transactions=6_000, rate=200)


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    latencies = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary) / "out"
            out.mkdir()
            day = run_demo(SETTINGS, out, Path(temporary) / "run", SilentScreen()).day
            latencies.append(latency_ms(day.run, _warm(day)))
    rows = []
    for percentile, target in TARGETS_MS.items():
        values = [latency[percentile] for latency in latencies]
        rows.append(
            {
                "measure": f"Kafka in to decision recorded at {SETTINGS.rate:g}/s after {WARM_UP_S} s, {percentile}, median "
                f"of {RUNS}; best {min(values)} ms",
                "value": statistics.median(values),
                "unit": "ms",
                "target": f"at most {target}",
                "met": statistics.median(values) <= target,
            }
        )
    return rows


def _warm(day: DecidedDay) -> list[dict[str, Any]]:
    warm_from = min(day.run.sent_ms.values()) + WARM_UP_S * 1000
    return [row for row in day.decided if day.run.sent_ms[row["transaction_id"]] >= warm_from]


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
