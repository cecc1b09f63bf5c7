"""The report of a model with 500,000 scored rows: seconds to write it, and its size. `python -m benchmarks.model_report`

The scores are all different or nearly so, and spread over many powers of ten: the most that they can take.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cli.reports.evaluation import table_report
from sagemaker_src.training.fitting import TrainingSettings, silent
from sagemaker_src.training.table import Table, train_table
from sagemaker_src.training.train import Trained

ROWS, RUNS = 500_000, 3
LONGEST_S, LARGEST_MB = 10, 3


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "report.html"
        trained = _trained(np.random.default_rng(1))
        taken = [_seconds(page, trained) for _ in range(RUNS)]
        size = page.stat().st_size / 1e6
    return [
        {
            "measure": f"report of {ROWS:,} scored rows written, median of {RUNS}",
            "value": round(statistics.median(taken), 2),
            "unit": "s",
            "target": f"{LONGEST_S} s",
            "met": statistics.median(taken) <= LONGEST_S,
        },
        {
            "measure": "its size",
            "value": round(size, 2),
            "unit": "MB",
            "target": f"{LARGEST_MB} MB",
            "met": size <= LARGEST_MB,
        },
    ]


def _trained(draw: np.random.Generator) -> Trained:
    """A model of a table of two columns, and scores that it did not give."""
    label = draw.random(20_000) < 0.05
    columns = pd.DataFrame({"one": draw.normal(size=len(label)) + label, "other": draw.normal(size=len(label))})
    table = Table(columns, label.astype("int8"), None)
    model = train_table(table, TrainingSettings(rounds=20, label_delay_days=0), silent)
    fraud = draw.random(ROWS) < 0.005
    score = 1 / (1 + np.exp(-(draw.normal(-8, 3, ROWS) + fraud * draw.normal(8, 3, ROWS))))
    scores = pd.DataFrame({"is_fraud": fraud.astype(np.int64), "score": score.astype(np.float32)})
    return Trained(model.model, model.manifest, scores)


def _seconds(page: Path, trained: Trained) -> float:
    start = time.perf_counter()
    table_report(page, trained, "made-up scores", ())
    return time.perf_counter() - start


if __name__ == "__main__":
    for each in measure():
        print(each)
