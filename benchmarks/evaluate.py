"""`fraud evaluate` on a large file: how long, how much memory, how good, and what each set of features is worth.

python -m benchmarks.evaluate --data sparkov.parquet --test-from 2020-03-01 [--ladder | --leave-out [--keep]]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.data import SPARKOV, needs
from benchmarks.feature_worth import WITHOUT_CARDS, keep, left_out, rows_and_bytes, steps, worth
from cli.times import parse_moment

TEST_FROM = "2020-03-01"
RUNS = 2
QUALITY = {"average_precision": 0.982, "recall_at_fpr_0.001": 0.97, "first_fraud_recall_at_fpr_0.001": 0.92}


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    missing = needs(SPARKOV)
    if missing:
        return missing
    seconds, peaks, metrics = [], [], {}
    with tempfile.TemporaryDirectory() as temporary:
        for run in range(RUNS):
            out = Path(temporary) / str(run)
            command = [
                "-m",
                "cli.main",
                "evaluate",
                "--data",
                str(SPARKOV),
                "--test-from",
                TEST_FROM,
                "--no-tracking",
                "--out",
                str(out),
            ]
            started = time.perf_counter()
            child = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            if status:
                raise RuntimeError(f"fraud evaluate ended with {status}")
            seconds.append(time.perf_counter() - started)
            peaks.append(usage.ru_maxrss / 2**20)
            metrics = json.loads((out / "metrics.json").read_text())
    value = statistics.median(seconds)
    rows = [
        {"measure": f"fraud evaluate on 1,224,588 rows, median of {RUNS}; best {min(seconds):.0f} s", "value": round(value, 1),
         "unit": "s", "target": 150, "met": value <= 150},
        {"measure": "peak memory of that", "value": round(max(peaks), 2), "unit": "GiB", "target": 6, "met": max(peaks) <= 6},
    ]  # fmt: skip
    for name, target in QUALITY.items():
        rows.append({"measure": f"{name}, tested from {TEST_FROM}", "value": round(metrics[name], 4), "unit": "",
                     "target": target, "met": metrics[name] >= target})  # fmt: skip
        without = metrics["without_fraud_only_cards"][name]
        rows.append({"measure": "the same without cards that have only fraud", "value": round(without, 4), "unit": "",
                     "target": None, "met": None})  # fmt: skip
    return rows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=SPARKOV)
    parser.add_argument("--test-from", default=TEST_FROM)
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--ladder", action="store_true", help="the table of feature sets instead")
    tables.add_argument("--leave-out", action="store_true", help="what each window and habit is worth instead")
    parser.add_argument("--last", type=int, default=0, help="of the ladder, only so many steps; default: all")
    parser.add_argument(
        "--seeds", type=int, default=1, help="samples of honest rows to fit on; figures are their means"
    )
    parser.add_argument(
        "--keep", action="store_true", help="with --leave-out: keep the figures for docs/fields-and-features.md"
    )
    options = parser.parse_args()
    if not (options.ladder or options.leave_out):
        print(json.dumps(measure(), indent=2))
        return
    moment = parse_moment("--test-from", options.test_from)
    rows, stored = rows_and_bytes(options.data, moment)
    found = worth(rows, moment, steps()[-options.last :] if options.ladder else left_out(), options.seeds)
    if options.keep and options.leave_out:
        samples = f", means of {options.seeds} samples of honest rows" if options.seeds > 1 else ""
        keep(found, stored, f"`{options.data.stem}`, tested from {options.test_from}{samples}")
    for row in found:
        plain = row[WITHOUT_CARDS]["average_precision"]
        print(f"| {row['features']} | {row['count']} | {row['average_precision']:.4f} | {plain:.4f} "
              f"| {row['recall_at_fpr_0.001']:.4f} | {row['first_fraud_recall_at_fpr_0.001']:.4f} |")  # fmt: skip


if __name__ == "__main__":
    main()
