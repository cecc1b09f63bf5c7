"""`fraud evaluate` on a large file: how long, how much memory, how good, and what each set of features is worth.

python -m benchmarks.evaluate --data sparkov.parquet --test-from 2020-03-01 [--ladder]
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

import numpy as np
import pandas as pd
import xgboost as xgb

from benchmarks.data import SPARKOV, needs
from cli.feature_frame import feature_frame
from cli.times import parse_moment
from fraud.vector import FEATURE_NAMES, declared_input, model_vector
from sagemaker_src.training.metrics import evaluate_rows
from sagemaker_src.training.train import TrainingSettings

TEST_FROM = "2020-03-01"
RUNS = 2
QUALITY = {"average_precision": 0.982, "recall_at_fpr_0.001": 0.97, "first_fraud_recall_at_fpr_0.001": 0.92}

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("amount, category, hour, weekday", ("amount", "category", "hour", "weekday")),
    ("+ stream: count and average over 10 minutes, 1 hour, 1 day",
     tuple(f"{what}_last_{window}" for window in ("10m", "1h", "1d") for what in ("num_trans", "avg_amt"))),
    ("+ ratios among them, mean of the others in the window",
     ("avg_others_last_10m", "avg_others_last_1h", "avg_others_last_1d", "amt_over_avg_last_1h", "amt_over_avg_last_1d",
      "amt_over_others_last_1d")),
    ("+ mean age of the others in the hour and the day", ("mean_age_last_1h", "mean_age_last_1d")),
    ("+ nightly per card: week, 30 days, and the published ratios",
     ("num_trans_last_1w", "avg_amt_last_1w", "num_trans_last_30d", "avg_amt_last_30d", "max_amt_last_30d",
      "amt_over_avg_last_30d", "amt_over_max_last_30d", "amt_ratio1", "amt_ratio2", "count_ratio")),
    ("+ nightly per card and category", ("num_trans_category_all", "avg_amt_category_all", "amt_over_avg_category_all",
                                         "category_share")),
    ("+ nightly hour-of-day habit", ("num_trans_hour_all", "hour_share")),
    ("+ all cards' average in the category, the card's whole history",
     ("avg_amt_population_30d", "amt_over_population", "num_trans_all", "avg_amt_all")),
)  # fmt: skip
"""Each step adds to the one above it; the last is the model's whole vector."""


def ladder(rows: pd.DataFrame, test_from_ms: int) -> list[dict[str, Any]]:
    """The metrics of each step: fitted on every fraud and a weighted sample of the others before a moment, tested after it."""
    settings = TrainingSettings()
    rows = rows.sort_values(["event_ms", "transaction_id"], ignore_index=True)
    before = (rows["event_ms"] < test_from_ms).to_numpy()
    label = rows["is_fraud"].to_numpy()
    takes = declared_input({"category": sorted(rows.loc[before, "category"].unique())})
    vectors = model_vector(rows, takes)
    share = settings.honest_rows / int((before & (label == 0)).sum())
    kept = before & ((label == 1) | (np.random.default_rng(settings.seed).random(len(label)) < share))
    weight = np.where(label == 1, 1.0, 1.0 / share)[kept]
    parameters = {
        "objective": "binary:logistic", "tree_method": "hist", "eta": settings.eta, "max_depth": settings.max_depth,
        "base_score": 0.5, "max_delta_step": 1, "seed": settings.seed, "nthread": os.cpu_count(),
    }  # fmt: skip
    taken: list[int] = []
    found = []
    for says, added in STEPS:
        taken += [FEATURE_NAMES.index(name) for name in added]
        types = [takes.types[place] for place in taken]
        train = xgb.QuantileDMatrix(
            vectors[kept][:, taken], label=label[kept], weight=weight, feature_types=types, enable_categorical=True
        )
        model = xgb.train(parameters, train, settings.rounds)
        score = model.predict(xgb.DMatrix(vectors[~before][:, taken], feature_types=types, enable_categorical=True))
        found.append({"features": says, "count": len(taken), **evaluate_rows(rows[~before], score, rows)})
        print(f"{found[-1]['average_precision']:.4f}  {says}", file=sys.stderr)
    assert sorted(taken) == list(range(len(FEATURE_NAMES)))  # noqa: S101 - the ladder must end at the model's vector
    return found


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
    parser.add_argument("--ladder", action="store_true", help="the table of feature sets instead")
    options = parser.parse_args()
    if not options.ladder:
        print(json.dumps(measure(), indent=2))
        return
    rows, _ = feature_frame(options.data, lambda *_: None)
    for row in ladder(rows, parse_moment("--test-from", options.test_from)):
        plain = row["without_fraud_only_cards"]["average_precision"]
        print(f"| {row['features']} | {row['count']} | {row['average_precision']:.4f} | {plain:.4f} "
              f"| {row['recall_at_fpr_0.001']:.4f} | {row['first_fraud_recall_at_fpr_0.001']:.4f} |")  # fmt: skip


if __name__ == "__main__":
    main()
