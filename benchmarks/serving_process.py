"""The model's serving process: one row as its caller waits, requests of 100 as the function `decide` makes them, many rows.

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
from concurrent.futures import ThreadPoolExecutor
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
ALONE = 1_000
"""Requests of one row."""
MANY, CALLERS, CALLS = 10_000, 2, 4
"""Rows a request, callers at once, requests of each in a run."""


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
    name = f"serving process, {TREES} trees"
    return [
        *_as_decide_asks(url, serving, f"{name} with 3 reasons"),
        *_alone(url, f"{name} with 3 reasons"),
        _many(url, f"{name} without reasons", reasons=0, target=100_000),
        _many(url, f"{name} with 3 reasons", reasons=3, target=20_000),
    ]


def _as_decide_asks(url: str, serving: Process, name: str) -> list[dict[str, Any]]:
    body, pool = _body(BATCH, 3), urllib3.PoolManager()
    spent, elapsed = [], []
    for run in range(RUNS + 1):
        before, began = _cpu_s(serving), time.perf_counter()
        for _ in range(BATCHES):
            _ask(pool, url, body)
        if run:  # the first is a warm-up
            elapsed.append((time.perf_counter() - began) / BATCHES * 1000)
            spent.append((_cpu_s(serving) - before) / (BATCH * BATCHES) * 1000)
    return [
        _figure(f"{name}, CPU a transaction in requests of {BATCH}, median of {RUNS}", statistics.median(spent), "ms"),
        _figure(f"{name}, elapsed a request of {BATCH}, median of {RUNS}", statistics.median(elapsed), "ms"),
    ]


def _alone(url: str, name: str) -> list[dict[str, Any]]:
    """What a caller waits for one row, one request after the other."""
    body, pool = _body(1, 3), urllib3.PoolManager()
    waited = []
    for _ in range(ALONE + 50):
        began = time.perf_counter()
        _ask(pool, url, body)
        waited.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(waited[50:], n=100)
    return [
        _figure(f"{name}, one row, p{percent} of {ALONE:,}", cuts[percent - 1], "ms", target, better=False)
        for percent, target in ((50, 3), (99, 10))
    ]


def _many(url: str, name: str, *, reasons: int, target: float) -> dict[str, Any]:
    """Rows a second of callers who wait for nothing else, each with a connection of its own."""
    body = _body(MANY, reasons)

    def call(_: int) -> None:
        pool = urllib3.PoolManager()
        for _ in range(CALLS):
            _ask(pool, url, body)

    rates = []
    with ThreadPoolExecutor(CALLERS) as callers:
        for run in range(RUNS + 1):
            began = time.perf_counter()
            list(callers.map(call, range(CALLERS)))
            if run:
                rates.append(MANY * CALLERS * CALLS / (time.perf_counter() - began))
    measure = f"{name}, {CALLERS} callers of {MANY:,} rows a request, median of {RUNS} (best {max(rates):,.0f})"
    return _figure(measure, statistics.median(rates), "rows/s", target, better=True)


def _body(rows: int, reasons: int) -> bytes:
    random = np.random.default_rng(1)
    vectors = random.gamma(2, 40, size=(rows, len(INPUT.names))).astype(np.float32)
    vectors[:, INPUT.names.index("category")] = random.integers(0, len(CATEGORIES), rows)
    return request_body(vectors, INPUT, reasons)


def _ask(pool: urllib3.PoolManager, url: str, body: bytes) -> None:
    answer = pool.request("POST", url, body=body, headers={"Content-Type": CONTENT_TYPE, "Accept": ACCEPT})
    if answer.status != 200:
        raise RuntimeError(f"{url}: {answer.status}: {answer.data[:500]!r}")
    read_scores(answer.data)


def _cpu_s(process: Process) -> float:
    group = psutil.Process(process.pid)
    times = [each.cpu_times() for each in (group, *group.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _figure(name: str, value: float, unit: str, target: float | None = None, *, better: bool = False) -> dict[str, Any]:
    """A figure; `better`: more is."""
    met = None if target is None else (value >= target) is better or value == target
    return {"measure": name, "value": float(f"{value:.4g}"), "unit": unit, "target": target, "met": met}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
