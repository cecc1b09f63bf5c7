"""The transform job on files as Kaggle has them: 1.3 million rows, seconds with Spark's start; and the memory of 5.4 million.

python -m benchmarks.transform [--large]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psutil

from benchmarks.data import SPARKOV, needs
from engines.installed import ROOT
from engines.spark import run_spark
from fraud.sql_text import quoted

ROWS, LARGE = 1_300_000, 5_400_000
RUNS = 3
SPLIT = "2020-03-01"
TARGET_S = 90.0
WORKER_GIB = 16.0
"""Memory of a G.1X worker (page *worker-types*)."""
SCRIPT = ROOT / "glue_scripts" / "transform.py"
_EVERY_S = 0.5


class Run(NamedTuple):
    """One run.

    Attributes:
        seconds: from the start of Python to its end.
        gib: the most memory of the driver, its JVM and its Python workers together, pages that they share counted once.
    """

    seconds: float
    gib: float


def measure(*, large: bool = False) -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    missing = needs(SPARKOV)
    if missing:
        return missing
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _files(folder / "in", ROWS)
        runs = [_run(folder, f"run{number}") for number in range(RUNS)]
        seconds = statistics.median(run.seconds for run in runs)
        found: list[dict[str, Any]] = [
            {
                "measure": f"transform of {rows:,} rows in two CSVs on this machine, with Spark's start",
                "value": round(seconds, 1),
                "unit": "s",
                "target": TARGET_S,
                "met": seconds <= TARGET_S,
            },
            _memory(rows, max(run.gib for run in runs)),
        ]
        if large:
            rows = _files(folder / "large", LARGE)
            found.append(_memory(rows, _run(folder, "big", given="large").gib))
    return found


def _memory(rows: int, gib: float) -> dict[str, Any]:
    return {
        "measure": f"memory of the transform of {rows:,} rows: driver, JVM and workers",
        "value": round(gib, 1),
        "unit": "GiB",
        "target": WORKER_GIB,
        "met": gib <= WORKER_GIB,
    }


def _files(folder: Path, rows: int) -> int:
    """Two files in Kaggle's columns, the holder's among them, of that many rows; how many there are."""
    folder.mkdir()
    # the same rows as often as it takes, under other ids
    select = f"""SELECT row_number() OVER () - 1 AS "row", r.* REPLACE (md5(trans_num || copy) AS trans_num,
        strftime(trans_date_trans_time, '%Y-%m-%d %H:%M:%S') AS trans_date_trans_time)
        FROM read_parquet({quoted(SPARKOV)}) AS r, range({LARGE // ROWS + 2}) AS copies(copy)
        ORDER BY copy, r.trans_date_trans_time LIMIT {rows}"""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rows AS {select}")
        for name, sign in (("fraudTrain", "<"), ("fraudTest", ">=")):
            path = quoted(folder / f"{name}.csv")
            connection.execute(f"COPY (FROM rows WHERE trans_date_trans_time {sign} '{SPLIT}') TO {path} (FORMAT csv)")
        return int(connection.execute("SELECT count(*) FROM rows").fetchall()[0][0])


def _run(folder: Path, name: str, given: str = "in") -> Run:
    key, working = folder / "key", folder / name
    key.write_bytes(b"benchmark-card-token-key")
    working.mkdir()
    most, next_look = 0.0, 0.0

    def look() -> None:
        nonlocal most, next_look
        if time.monotonic() < next_look:
            return
        next_look = time.monotonic() + _EVERY_S
        most = max(most, sum(map(_memory_of, psutil.Process().children(recursive=True))) / 2**30)

    options = ["--keep-raw", "true", "--train-until", SPLIT, "--predict-from", SPLIT]
    started = time.perf_counter()
    run_spark(
        SCRIPT,
        ["--input", folder / given, "--out", working / "out", "--token-key", key, *options],
        working,
        waiting=look,
    )
    return Run(time.perf_counter() - started, most)


def _memory_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    print(json.dumps(measure(large="--large" in sys.argv), indent=2))
