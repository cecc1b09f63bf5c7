"""`fraud evaluate` on a large file: how long, how much memory, how good, and what each set of features is worth.

python -m benchmarks.evaluate --data sparkov.parquet --test-from 2020-03-01 [--ladder | --leave-out]
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
from fraud.features.catalogue import CATALOGUE, names
from fraud.features.derived import DERIVED_FEATURES
from fraud.features.habits import Habit
from fraud.features.windows import Window
from fraud.fields import OPTIONAL_FEATURES
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
"""Each step adds to the one above it; the last is the model's whole vector, without fields that may be missing."""
_WHOLE = tuple(name for name in FEATURE_NAMES if name not in {field.name for field in OPTIONAL_FEATURES})


def left_out() -> list[tuple[str, tuple[str, ...]]]:
    """The whole vector, and it without the features of one window or habit at a time and what is derived of them."""
    sets = [("all", _WHOLE)]
    every: tuple[Window | Habit, ...] = (*CATALOGUE.windows, *CATALOGUE.habits)
    for declared in every:
        gone = set(names(declared.features))
        while more := {one.name for one in DERIVED_FEATURES if gone & set(one.parsed.names)} - gone:
            gone |= more
        sets.append((f"without {declared}", tuple(name for name in _WHOLE if name not in gone)))
    return sets


def steps() -> list[tuple[str, tuple[str, ...]]]:
    """The features of each of STEPS, with those of the steps before it."""
    taken: tuple[str, ...] = ()
    sets = [(says, taken := (*taken, *added)) for says, added in STEPS]
    assert set(taken) == set(_WHOLE)  # noqa: S101 - the ladder must end at the model's vector
    return sets


def worth(rows: pd.DataFrame, test_from_ms: int, sets: list[tuple[str, tuple[str, ...]]]) -> list[dict[str, Any]]:
    """The metrics of sets of features: fitted on all frauds and a weighted sample of the others before a moment, tested after."""
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
    found = []
    for says, features in sets:
        taken = [FEATURE_NAMES.index(name) for name in features]
        types = [takes.types[place] for place in taken]
        train = xgb.QuantileDMatrix(
            vectors[kept][:, taken], label=label[kept], weight=weight, feature_types=types, enable_categorical=True
        )
        model = xgb.train(parameters, train, settings.rounds)
        score = model.predict(xgb.DMatrix(vectors[~before][:, taken], feature_types=types, enable_categorical=True))
        found.append({"features": says, "count": len(taken), **evaluate_rows(rows[~before], score, rows)})
        print(f"{found[-1]['average_precision']:.4f}  {says}", file=sys.stderr)
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
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--ladder", action="store_true", help="the table of feature sets instead")
    tables.add_argument("--leave-out", action="store_true", help="what each window and habit is worth instead")
    options = parser.parse_args()
    if not (options.ladder or options.leave_out):
        print(json.dumps(measure(), indent=2))
        return
    rows, _ = feature_frame(options.data, lambda *_: None)
    for row in worth(rows, parse_moment("--test-from", options.test_from), steps() if options.ladder else left_out()):
        plain = row["without_fraud_only_cards"]["average_precision"]
        print(f"| {row['features']} | {row['count']} | {row['average_precision']:.4f} | {plain:.4f} "
              f"| {row['recall_at_fpr_0.001']:.4f} | {row['first_fraud_recall_at_fpr_0.001']:.4f} |")  # fmt: skip


if __name__ == "__main__":
    main()
