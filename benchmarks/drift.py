"""A day of a million decisions compared with a baseline, and another of as many looked at again with its labels: seconds and
memory of the program. `python -m benchmarks.drift`

The yardstick reads the same files' features as JSON and does nothing with them.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.batch_features import timed
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.fields import OPTIONAL_FEATURES
from fraud.world import WorldSettings, generate, tokenised
from sagemaker_src.drift.baseline import make_baseline
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model

DECISIONS, FILES, RUNS, LABELS = 1_000_000, 20, 3, 5_000
LONGEST_S, MOST_GIB = 60, 2
_READ_ALONE = (
    "import json, sys, pyarrow.parquet as pq\n"
    "from pathlib import Path\n"
    "for file in sorted(Path(sys.argv[1]).rglob('*.parquet')):\n"
    "    for batch in pq.ParquetFile(file).iter_batches(20_000, columns=['features']):\n"
    "        json.loads('[' + ','.join(batch.column('features').to_pylist()) + ']')\n"
)


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder)
        program = [
            *("-m", "sagemaker_src.drift.drift", "--day", "2026-03-01", "--decisions", str(folder / "decisions")),
            *("--model", str(folder), "--out", str(folder / "out")),
            *("--matured", str(folder / "decisions"), "--labels", str(folder / "labels")),
        ]
        ours, alone = [], []
        for _ in range(RUNS):
            ours.append(timed([sys.executable, *program]))
            alone.append(timed([sys.executable, "-c", _READ_ALONE, folder / "decisions"]))
        report = json.loads((folder / "out" / "drift.json").read_text())
    counted, labelled = report["decisions"]["total"], report["realised"]["labels"]
    if (counted, labelled) != (DECISIONS, LABELS):
        raise RuntimeError(f"{counted:,} decisions, {labelled:,} labels; needed: {DECISIONS:,} and {LABELS:,}")
    seconds, peak = statistics.median(each[0] for each in ours), max(each[1] for each in ours)
    yardstick = statistics.median(each[0] for each in alone)
    return [
        {
            "measure": f"drift of a day of {DECISIONS:,} decisions, and the labels of another, the program's start included, "
            f"median of {RUNS}",
            "value": round(seconds, 1),
            "unit": "s",
            "target": f"{LONGEST_S} s",
            "met": seconds <= LONGEST_S,
            "ratio": round(seconds / yardstick, 2),
            "yardstick": f"reading the features' JSON alone, {yardstick:.1f} s",
        },
        {
            "measure": "peak memory of that",
            "value": round(peak, 2),
            "unit": "GiB",
            "target": f"{MOST_GIB} GiB",
            "met": peak <= MOST_GIB,
        },
    ]


def _prepare(folder: Path) -> None:
    """A baseline, and decisions of the world's rows, each some times."""
    rows = tokenised(generate(WorldSettings(cards=600, days=60, fraud_rate=0.005)), b"the benchmark's own key")
    with engine() as connection:
        connection.register("rows", rows)
        load(connection, "rows")
        compute(connection)
        frame = features_frame(connection, "rows")
    last = int(frame["event_ms"].max()) // MS_PER_DAY
    trained = train_model(frame, TrainingSettings(rounds=20, eta=0.3), test_from_ms=(last - 15) * MS_PER_DAY)
    make_baseline(trained.manifest, frame, trained.scores).write(folder)
    version = trained.manifest["model_version"]
    columns = [*names((*STREAM_FEATURES, *NIGHTLY_FEATURES)), *(field.name for field in OPTIONAL_FEATURES), "category"]
    there = frame[[name for name in columns if name in frame]].astype(object)
    there = there.where(there.notna(), None)
    texts = [json.dumps(record, default=float) for record in there.to_dict("records")]
    draw = np.random.default_rng(1)
    (folder / "decisions").mkdir()
    for number in range(FILES):
        chosen = draw.integers(0, len(texts), DECISIONS // FILES)
        ids = [f"t{number}-{place}" for place in range(len(chosen))]
        moments = pa.array(frame["event_ms"].to_numpy()[chosen], pa.timestamp("ms", "UTC"))
        table = pa.table({
            "transaction_id": ids,
            "cc_num": frame["cc_num"].to_numpy()[chosen],
            "decided_at": moments,
            "outcome": ["approve"] * len(chosen),
            "amount_cents": frame["amount_cents"].to_numpy()[chosen],
            "trans_time": moments,
            "path": ["model"] * len(chosen),
            "score": draw.random(len(chosen)) ** 8,
            "model_version": [version] * len(chosen),
            "features": [texts[place] for place in chosen],
        })  # fmt: skip
        pq.write_table(table, folder / "decisions" / f"{number}.parquet")
    (folder / "labels").mkdir()
    back = pa.array([last * MS_PER_DAY] * LABELS, pa.timestamp("ms", "UTC"))
    pq.write_table(
        pa.table({
            "transaction_id": [f"t0-{place}" for place in range(LABELS)],
            "is_fraud": [True] * LABELS,
            "source": ["chargeback"] * LABELS,
            "reported_by": ["issuer"] * LABELS,
            "known_at": back,
            "recorded_at": back,
        }),
        folder / "labels" / "0.parquet",
    )  # fmt: skip


if __name__ == "__main__":
    for each in measure():
        print(each)
