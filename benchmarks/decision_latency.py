"""From Kafka in to decision recorded, at 200 transactions a second, every process on this machine.

python -m benchmarks.decision_latency
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from local.decided_day import decide_day, summary
from local.demo import DemoSettings, prepare

RUNS = 2
TARGETS_MS = {"p50": 50, "p99": 120}
SETTINGS = DemoSettings(transactions=6_000, rate=200)


class _Silent:
    def phase(self, name: str) -> None:
        """Nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Nothing."""

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Nothing."""


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    latencies = []
    with tempfile.TemporaryDirectory() as temporary:
        ready = prepare(SETTINGS, Path(temporary), _Silent())
        for _ in range(RUNS):
            day = decide_day(
                ready.history, ready.live, ready.from_ms, ready.model, ready.nightly, _Silent(), rate=SETTINGS.rate
            )
            latencies.append(summary(day)["latency_ms"])
    rows = []
    for percentile, target in TARGETS_MS.items():
        values = [latency[percentile] for latency in latencies]
        rows.append(
            {
                "measure": f"Kafka in to decision recorded at 200/s, {percentile}, median of {RUNS}; best {min(values)} ms",
                "value": statistics.median(values),
                "unit": "ms",
                "target": f"at most {target}",
                "met": statistics.median(values) <= target,
            }
        )
    return rows


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
