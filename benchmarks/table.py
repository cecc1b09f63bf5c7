"""`fraud evaluate --label` on a table without cards: how good the model is, and how long it takes.

python -m benchmarks.run table
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from benchmarks.data import ULB, needs
from cli.evaluate_table import evaluate_table

LEAST = 0.80
HONEST_OF_ALL, HONEST_HERE = 284_315, 38_793
"""Honest rows of the whole data set, and of the sample that the file was taken of."""


def measure() -> list[dict[str, Any]]:
    """Trained on the first 80% of the rows by Time, with the default settings, and tested on the rest."""
    if missing := needs(ULB):
        return missing
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        began = time.monotonic()
        evaluate_table(ULB, out, label="Class", positive="1", order_by="Time", no_tracking=True)
        seconds = time.monotonic() - began
        scores = pd.read_parquet(out / "scores.parquet")
    label, score = scores["is_fraud"], scores["score"]
    precision = float(average_precision_score(label, score))
    weight = np.where(label == 1, 1.0, HONEST_OF_ALL / HONEST_HERE)
    whole = float(average_precision_score(label, score, sample_weight=weight))
    what = f"`ulb_dev`, tested on its last fifth by Time, {int(label.sum())} frauds: average precision"
    return [
        {"measure": what, "value": round(precision, 4), "unit": "", "target": LEAST, "met": precision >= LEAST},
        {"measure": "the same with honest rows weighted to the whole data set's share", "value": round(whole, 4), "unit": "",
         "target": None, "met": None},
        {"measure": "`fraud evaluate` of that table", "value": round(seconds, 1), "unit": "s", "target": None, "met": None},
    ]  # fmt: skip
