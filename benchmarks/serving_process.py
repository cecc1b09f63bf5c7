"""The model's serving process: processor time a transaction, in requests of 100 as the function `decide` makes them.

python -m benchmarks.serving_process

The container's own application and HTTP server (`engines.serving`), 500 trees of depth 6, three reasons a transaction. The
function's own part is `benchmarks.decide_function`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import urllib3

from engines.processes import Process, free_port
from fraud.model_request import ACCEPT, CONTENT_TYPE, read_scores, request_body
from local.stand_ins import PROGRAM
from samples.deciding_world import CATEGORIES, INPUT, write_model

BATCH = 100
BATCHES = 30
RUNS = 5
TREES = 500


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as name:
        model, port = write_model(Path(name) / "model", rounds=TREES), free_port()
        argv = [
            sys.executable,
            "-m",
            "engines.serving",
            "--model",
            str(model),
            "--program",
            str(PROGRAM),
            "--port",
            str(port),
        ]
        with Process("serving", argv, log_path=Path(name) / "serving.log") as serving:
            serving.wait_until(lambda: "serving" in serving.log_tail(), "served")
            return _measure(f"http://127.0.0.1:{port}/invocations", serving)


def _measure(url: str, serving: Process) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    vectors = random.gamma(2, 40, size=(BATCH, len(INPUT.names))).astype(np.float32)
    vectors[:, INPUT.names.index("category")] = random.integers(0, len(CATEGORIES), BATCH)
    body = request_body(vectors, INPUT, 3)
    headers = {"Content-Type": CONTENT_TYPE, "Accept": ACCEPT}
    pool = urllib3.PoolManager()
    spent, elapsed = [], []
    for run in range(RUNS + 1):
        before, began = _cpu_s(serving), time.perf_counter()
        for _ in range(BATCHES):
            read_scores(pool.request("POST", url, body=body, headers=headers).data)
        if run:  # the first is a warm-up
            elapsed.append((time.perf_counter() - began) / BATCHES * 1000)
            spent.append((_cpu_s(serving) - before) / (BATCH * BATCHES) * 1000)
    name = f"serving process, {TREES} trees with 3 reasons"
    return [
        _figure(f"{name}, CPU a transaction in requests of {BATCH}, median of {RUNS}", statistics.median(spent)),
        _figure(f"{name}, elapsed a request of {BATCH}, median of {RUNS}", statistics.median(elapsed)),
    ]


def _cpu_s(process: Process) -> float:
    group = psutil.Process(process.pid)
    times = [each.cpu_times() for each in (group, *group.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _figure(name: str, value: float) -> dict[str, Any]:
    return {"measure": name, "value": round(value, 4), "unit": "ms", "target": None, "met": None}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
