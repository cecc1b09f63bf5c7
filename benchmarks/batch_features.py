"""All features of 5.4 million transactions on DuckDB, beside a numpy program for the same features, and on Spark.

python -m benchmarks.batch_features [--spark]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.world import WorldSettings, generate, tokenised
from sagemaker_src.processing.batch_features import engine, feature_columns

RUNS = 2
TARGET_RATIO = 3.0
TARGET_GIB = 2.0


def write_curated(path: Path) -> int:
    """The full-size world as the batch programs read it; how many rows."""
    table = tokenised(generate(WorldSettings.full()), b"benchmark-card-token-key")
    rows = table.select(["transaction_id", "cc_num", "category", "amount_cents", "event_time", "is_fraud"])
    pq.write_table(rows, path)
    return int(rows.num_rows)


def yardstick(curated: Path, out: Path) -> None:
    """The same features with two-pointer windows in numpy, from the same file into the same kind of file.

    Rows are sorted by card and time once; a window's start is found for all rows by one search over (card, time) keys, and its
    sums are differences of running sums. Nightly windows do the same over days.
    """
    table = pq.read_table(curated)
    card = table["cc_num"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    category = table["category"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    cents = table["amount_cents"].to_numpy()
    ms = table["event_time"].cast(pa.int64()).to_numpy()
    columns: dict[str, np.ndarray] = {}
    order = np.lexsort((ms, card))
    c, t, a = card[order], ms[order] - ms.min(), cents[order]
    span = np.int64(1) << 40
    key = c * span + t
    sums, times = (np.concatenate([[0], np.cumsum(values)]) for values in (a, t))
    last = np.searchsorted(key, key, side="right")  # ties see one another
    for name, width in (("10m", 600_000), ("1h", 3_600_000), ("1d", 86_400_000)):
        first = np.maximum(np.searchsorted(key, key - width), np.searchsorted(key, c * span))
        count = last - first
        columns[f"num_trans_last_{name}"] = count
        columns[f"avg_amt_last_{name}"] = (sums[last] - sums[first]) / count / 100
        if name != "10m":
            age = count * t - (times[last] - times[first])
            columns[f"mean_age_last_{name}"] = (
                np.divide(age, count - 1, out=np.full(len(t), np.nan), where=count > 1) / 1000
            )
    day_ms = 86_400_000
    day0 = ms.min() // day_ms
    day, hour = ms[order] // day_ms - day0, ms[order] // 3_600_000 % 24

    def before(groups: np.ndarray, days_back: int | None, averaged: bool) -> tuple[np.ndarray, np.ndarray | None]:
        by = np.lexsort((day, groups))
        g = groups[by] * 1024 + day[by]
        end = np.searchsorted(g, g)
        start = np.searchsorted(
            g, groups[by] * 1024 if days_back is None else np.maximum(g - days_back, groups[by] * 1024)
        )
        back = np.empty(len(by), dtype=np.int64)
        back[by] = np.arange(len(by))
        count = (end - start)[back]
        if not averaged:
            return count, None
        running = np.concatenate([[0], np.cumsum(a[by])])
        total = (running[end] - running[start])[back]
        return count, np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0) / 100

    for name, back in (("last_1w", 7), ("last_30d", 30), ("all", None)):
        columns[f"num_trans_{name}"], columns[f"avg_amt_{name}"] = before(c, back, averaged=True)  # type: ignore[assignment]
    columns["max_amt_last_30d"] = _daily_maximum(c, day, a)
    grouped = c * 64 + category[order]
    columns["num_trans_category_all"], columns["avg_amt_category_all"] = before(grouped, None, averaged=True)  # type: ignore[assignment]
    columns["num_trans_hour_all"], _ = before(c * 32 + hour, None, averaged=False)
    columns["avg_amt_population_30d"] = before(category[order], 30, averaged=True)[1]  # type: ignore[assignment]
    kept = table.select(["transaction_id", "cc_num", "is_fraud", "category", "amount_cents"]).take(pa.array(order))
    for name, values in columns.items():
        kept = kept.append_column(name, pa.array(values))
    pq.write_table(kept.append_column("event_ms", pa.array(ms[order])), out)


def _daily_maximum(card: np.ndarray, day: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """The largest amount of the 30 days before, from a table of cards by days."""
    width = int(day.max()) + 1
    largest = np.full((int(card.max()) + 1, width + 30), -1, dtype=np.int64)
    np.maximum.at(largest, (card, day + 30), cents)
    windows = np.lib.stride_tricks.sliding_window_view(largest, 30, axis=1)[:, :width].max(axis=2)
    found = windows[card, day]
    return np.where(found < 0, np.nan, found / 100)


def timed(command: Sequence[str | Path]) -> tuple[float, float]:
    """Seconds and peak GiB of a program of its own."""
    started = time.perf_counter()
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None  # noqa: S101 - it is a pipe
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{command} ended with {status}: {errors.decode()[-2000:]}")
    return time.perf_counter() - started, usage.ru_maxrss / 2**20


def measure(spark: bool = True) -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        curated = folder / "curated.parquet"
        rows = write_curated(curated)
        duckdb: list[str | Path] = [
            sys.executable,
            "-m",
            "sagemaker_src.processing.batch_features",
            "--transactions",
            curated,
            "--out",
            folder / "d.parquet",
        ]
        numpy: list[str | Path] = [
            sys.executable,
            "-m",
            "benchmarks.batch_features",
            "--yardstick",
            curated,
            folder / "n.parquet",
        ]
        pairs = [(timed(duckdb), timed(numpy)) for _ in range(RUNS)]
        ratios = [ours[0] / theirs[0] for ours, theirs in pairs]
        seconds = [ours[0] for ours, _ in pairs]
        yard = [theirs[0] for _, theirs in pairs]
        peak = max(ours[1] for ours, _ in pairs)
        figures = [
            {
                "measure": f"all features of {rows:,} transactions on DuckDB, median of {RUNS}; best {min(seconds):.1f} s",
                "value": round(statistics.median(seconds), 1),
                "unit": "s",
                "target": f"at most {TARGET_RATIO:g} x numpy",
                "met": statistics.median(ratios) <= TARGET_RATIO,
                "yardstick": f"numpy two-pointer windows, median {statistics.median(yard):.1f} s",
                "ratio": round(statistics.median(ratios), 2),
            },
            {
                "measure": "peak memory of that",
                "value": round(peak, 2),
                "unit": "GiB",
                "target": TARGET_GIB,
                "met": peak <= TARGET_GIB,
            },
        ]
        different = differing(folder / "d.parquet", folder / "n.parquet")
        figures.append(
            {
                "measure": "rows of which any feature differs between the two programs",
                "value": different,
                "unit": f"of {rows:,}",
                "target": 0,
                "met": different == 0,
            }
        )
        if spark:
            figures.append(_on_spark(curated, folder, statistics.median(seconds)))
    return figures


def differing(one: Path, other: Path) -> int:
    """How many transactions are in only one of two files of features, or have any feature that is not the same number in both."""
    # missing is NULL in one program and NaN in the other
    unequal = " OR ".join(
        f"coalesce(a.{name}::DOUBLE, 'nan'::DOUBLE) != coalesce(b.{name}::DOUBLE, 'nan'::DOUBLE)"
        for name in feature_columns()
    )
    with engine() as connection:
        row = connection.execute(
            f"""SELECT count(*) FROM read_parquet('{one}') AS a FULL JOIN read_parquet('{other}') AS b USING (transaction_id)
            WHERE a.cc_num IS NULL OR b.cc_num IS NULL OR {unequal}"""
        ).fetchone()
    return int(row[0]) if row else 0


def _on_spark(curated: Path, folder: Path, duckdb_seconds: float) -> dict[str, Any]:
    started = time.perf_counter()
    script = ROOT / "glue_scripts" / "batch_features.py"
    run_spark(script, ["--transactions", curated, "--out", folder / "s"], folder, memory="6g")
    seconds = time.perf_counter() - started
    return {
        "measure": "the same on Spark 3.5 with a local master, one run",
        "value": round(seconds, 1),
        "unit": "s",
        "target": None,
        "met": None,
        "yardstick": f"DuckDB, median {duckdb_seconds:.1f} s",
        "ratio": round(seconds / duckdb_seconds, 2),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--yardstick"]:
        yardstick(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(measure(spark="--spark" in sys.argv), indent=2))
