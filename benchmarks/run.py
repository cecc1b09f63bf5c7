"""`make bench`: every measurement, one JSON each under benchmarks/out/, and a table on screen.

python -m benchmarks.run [NAME ...]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

NAMES = (
    "generate_world",
    "batch_features",
    "transform",
    "batch_scoring",
    "evaluate",
    "calibration",
    "tuning",
    "tuned",
    "training_rows",
    "model_report",
    "table",
    "handbook",
    "entity_risk",
    "nightly_risks",
    "stream_features",
    "catch_up",
    "window_costs",
    "stream_latency",
    "stream_model",
    "card_numbers",
    "decide_function",
    "drift",
    "drift_worlds",
    "scoring_api",
    "api_and_stream",
    "gateway_load",
    "serving_process",
    "decision_latency",
    "stand_cost",
    "upload",
    "synthesis",
    "augmentation",
    "episodes",
)
OUT = Path(__file__).resolve().parent / "out"


def shown(row: dict[str, Any]) -> str:
    """A figure as a line of the table in benchmarks/README.md."""
    met = {True: "yes", False: "**no**", None: ""}[row["met"]]
    target = "" if row["target"] is None else row["target"]
    ratio = f"{row['ratio']} x {row['yardstick']}" if row.get("ratio") is not None else row.get("yardstick") or ""
    return f"| {row['measure']} | {row['value']} {row['unit']} | {target} | {met} | {ratio} |"


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure; writes benchmarks/out/NAME.json each.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"{unknown[0]}: no such measurement; allowed: {', '.join(NAMES)}")
    OUT.mkdir(exist_ok=True)
    for name in options.names or NAMES:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        rows = importlib.import_module(f"benchmarks.{name}").measure()
        (OUT / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
        for row in rows:
            print(shown(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
