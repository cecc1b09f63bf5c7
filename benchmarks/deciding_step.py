"""The deciding step's processor time: `python -m benchmarks.deciding_step`.

Batches of 100 messages, through the real nightly store, the model over HTTP (500 trees of depth 6, three reasons a
decision) and the real decision store. The serving process's own time is stated apart.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from engines.processes import Process, free_port
from fraud.deciding import Deciding
from local.scoring import HttpScorer
from local.stores import SqliteDecisionStore, SqliteNightlyStore
from samples.deciding_world import feature_message, write_model, write_small_nightly

BATCH = 100
BATCHES = 30
RUNS = 5
TREES = 500
TARGET_MS = 0.2


def measure() -> list[dict[str, Any]]:
    """The figures, each {"measure", "value", "unit", "target", "met"}, with "yardstick" and "ratio" where there is one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, port = write_model(folder / "model", rounds=TREES), free_port()
        argv = [sys.executable, "-m", "engines.serving", "--model", str(model), "--port", str(port)]
        with Process("serving", argv, log_path=folder / "serving.log") as serving:
            serving.wait_until(lambda: "serving" in serving.log_tail(), "served")
            return _measure(folder, f"http://127.0.0.1:{port}", serving)


def _measure(folder: Path, url: str, serving: Process) -> list[dict[str, Any]]:
    deciding = Deciding(
        nightly=SqliteNightlyStore(write_small_nightly(folder / "nightly.db")),
        scorer=HttpScorer(url, timeout_s=10),
        store=SqliteDecisionStore(folder / "decisions.db"),
    )
    _decide(deciding, [[feature_message(number) for number in range(BATCH)]])
    gc.freeze()  # as the deciding process does
    numbers = iter(range(BATCH, 10**9))
    step, yardstick, walls, of_serving = [], [], [], []
    for _ in range(RUNS):
        batches = [[feature_message(next(numbers)) for _ in range(BATCH)] for _ in range(BATCHES)]
        serving_before, began = _cpu_s(serving), time.perf_counter()
        step.append(_cpu_ms(partial(_decide, deciding, batches)))
        walls.append((time.perf_counter() - began) / BATCHES * 1000)
        of_serving.append((_cpu_s(serving) - serving_before) / (BATCH * BATCHES) * 1000)
        yardstick.append(_cpu_ms(partial(_parse, batches)))
    name = f"deciding step, CPU a transaction in batches of {BATCH}"
    return [
        _figure(f"{name}, best of {RUNS}", min(step), TARGET_MS) | _against(min(step), min(yardstick)),
        _figure(f"{name}, median", statistics.median(step), TARGET_MS)
        | _against(statistics.median(step), statistics.median(yardstick)),
        _figure(
            f"serving process, CPU a transaction, {TREES} trees with 3 reasons, median", statistics.median(of_serving)
        ),
        _figure(f"deciding step, elapsed a batch of {BATCH}, serving included, median", statistics.median(walls)),
    ]


def _decide(deciding: Deciding, batches: list[list[bytes]]) -> None:
    for batch in batches:
        decided = deciding.decide_batch(batch)
        if {decision.path for decision in decided.decisions} != {"model"} or len(decided.decisions) != len(batch):
            raise RuntimeError(f"not decided by the model: {decided.decisions[0].why}")


def _parse(batches: list[list[bytes]]) -> None:
    for batch in batches:
        for message in batch:
            json.loads(message)


def _cpu_ms(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / (BATCH * BATCHES) * 1000


def _cpu_s(process: Process) -> float:
    group = psutil.Process(process.pid)
    times = [each.cpu_times() for each in (group, *group.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _figure(name: str, value: float, target: float | None = None) -> dict[str, Any]:
    met = None if target is None else value <= target
    return {"measure": name, "value": round(value, 4), "unit": "ms", "target": target, "met": met}


def _against(value: float, yardstick: float) -> dict[str, Any]:
    said = f"json.loads of the same messages: {yardstick:.4f} ms"
    return {"yardstick": said, "ratio": round(value / yardstick, 1)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
