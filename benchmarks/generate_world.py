"""How long a world of 5.4 million transactions takes to make and to write, beside drawing and sorting as many numbers."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cli.world import write_transactions
from fraud.world import World, WorldSettings, generate, stream_messages, to_kaggle, tokenised

RUNS = 3
TARGET_S = 20.0
TARGET_MESSAGES_A_SECOND = 100_000
_MESSAGES = 500_000
_KEY = b"a key for timing only"


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _yardstick(rows: int) -> None:
    """What any generator must at least do: draw a time, an amount and a merchant a row, and put the rows by time."""
    rng = np.random.default_rng(1)
    order = np.argsort(rng.integers(0, 2**34, rows))
    for column in (rng.lognormal(size=rows), rng.integers(0, 5_000, rows)):
        column[order]


def _row(measure: str, value: float, unit: str, target: float | None, yardstick: float | None = None) -> dict[str, Any]:
    met = None if target is None else (value >= target if unit.endswith("/s") else value <= target)
    row = {"measure": measure, "value": round(value, 3), "unit": unit, "target": target, "met": met}
    if yardstick is not None:
        row |= {"yardstick": round(yardstick, 3), "ratio": round(value / yardstick, 2)}
    return row


def measure() -> list[dict[str, Any]]:
    """Best and median of three runs, each with a yardstick run beside it; one dict a measure."""
    settings = WorldSettings.full()
    made, wrote, yard = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(RUNS):
            yard.append(_seconds(lambda: _yardstick(settings.rows)))
            begun = time.perf_counter()
            world = generate(settings)
            made.append(time.perf_counter() - begun)
            _write(world, Path(folder) / "transactions.parquet")
            wrote.append(time.perf_counter() - begun)
    rows = f"{settings.rows:,} transactions"
    stream = tokenised(world, _KEY)
    messages = _MESSAGES / _seconds(lambda: sum(map(len, islice(stream_messages(stream), _MESSAGES))))
    return [
        _row(f"generate {rows}, best of {RUNS}", min(made), "s", TARGET_S, min(yard)),
        _row(f"generate {rows}, median of {RUNS}", statistics.median(made), "s", TARGET_S, statistics.median(yard)),
        _row(f"generate and write {rows}, best of {RUNS}", min(wrote), "s", TARGET_S, min(yard)),
        _row(
            f"generate and write {rows}, median of {RUNS}",
            statistics.median(wrote),
            "s",
            TARGET_S,
            statistics.median(yard),
        ),
        _row("stream messages", messages, "messages/s", TARGET_MESSAGES_A_SECOND),
    ]


def _write(world: World, path: Path) -> None:
    write_transactions(path, to_kaggle(world), lambda *_: None)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
