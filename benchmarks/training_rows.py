"""Training on 5.4 million rows: how long, how much memory, and what all honest rows cost and gain beside the sampled ones.

python -m benchmarks.training_rows
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.batch_features import timed, write_curated
from sagemaker_src.training.fitting import TrainingSettings

RUNS = {"sampled": TrainingSettings().honest_rows, "all": 10**9}
"""{which honest rows: how many at most}."""
TARGET_S, TARGET_GIB = 120, 4


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary:
        curated, features = Path(temporary) / "curated.parquet", Path(temporary) / "features.parquet"
        rows = write_curated(curated)
        batch = "sagemaker_src.processing.batch_features"
        timed([sys.executable, "-m", batch, "--transactions", curated, "--out", features])
        return [line for which in RUNS for line in _trained(features, rows, Path(temporary) / which, which)]


def _trained(features: Path, rows: int, model: Path, which: str) -> list[dict[str, Any]]:
    program: list[str | Path] = [
        sys.executable,
        "-m",
        "sagemaker_src.training.train",
        "--train",
        features,
        "--model-dir",
        model,
    ]
    before = _processor_s()
    seconds, gib = timed([*program, "--honest-rows", str(RUNS[which])])
    processor_s = _processor_s() - before
    tested = json.loads((model / "manifest.json").read_text())["metrics"]["test"]
    name = f"training on {rows:,} rows x all features, {which} honest rows"
    held = which == "sampled"
    return [
        {"measure": name, "value": round(seconds, 1), "unit": "s", "target": TARGET_S if held else None,
         "met": seconds <= TARGET_S if held else None},
        {"measure": "its processor time", "value": round(processor_s, 1), "unit": "s", "target": None, "met": None},
        {"measure": "peak memory of that", "value": round(gib, 2), "unit": "GiB", "target": TARGET_GIB if held else None,
         "met": gib <= TARGET_GIB if held else None},
        {"measure": "average precision of that", "value": round(tested["average_precision"], 4), "unit": "",
         "target": None, "met": None},
        {"measure": "its recall at .1% false positives", "value": round(tested["recall_at_fpr_0.001"], 4), "unit": "",
         "target": None, "met": None},
    ]  # fmt: skip


def _processor_s() -> float:
    """Of all programs that have ended: what a busy machine changes least."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
