"""A fresh stream job's catch-up: it reads a day of a million transactions from the topic's beginning until all are out.

So begins a job whose SQL changed: it runs beside the old one until it has caught up (docs/stream-job.md). The day is of the
made-up world, with all fields that may be missing; state and checkpoints as Managed Service for Apache Flink has them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from benchmarks.stream_latency import SERVICE
from benchmarks.stream_run import PASS_THROUGH, Run, passed
from engines.broker import Broker
from fraud.world import WorldSettings, generate, tokenised
from local.replayer import Replayer
from local.rows import records
from local.stream_job import STREAM_JOB
from local.topics import REPLAY_TOPICS

TRANSACTIONS = 1_000_000
CARDS = 200_000
"""Five transactions a card and day."""
RUNS = 2
_KEY = b"a key for timing only"


def measure(transactions: int = TRANSACTIONS, cards: int = CARDS, runs: int = RUNS) -> list[dict[str, object]]:
    """The figures, each a dict of measure, value, unit, target, met, yardstick, ratio."""
    with tempfile.TemporaryDirectory() as folder, Broker(Path(folder) / "kafka") as broker:
        broker.create_topics({"transactions": REPLAY_TOPICS["transactions"]})
        Replayer(broker.address).replay(records(_day(transactions, cards)))
        pairs = [
            [_caught_up(broker, Path(folder), run, transactions, program) for program in (STREAM_JOB, PASS_THROUGH)]
            for run in range(runs)
        ]
    best, beside = (min(each, key=_seconds) for each in zip(*pairs, strict=True))
    name = f"a fresh job's catch-up with {transactions:,} transactions of a day, parallelism 2, best of {runs}"
    return [
        _figure(name, _seconds(best), "s", _seconds(beside)),
        _figure(f"{name}, with its start", best.finished_s, "s", beside.finished_s),
        _figure(name, transactions / _seconds(best), "transactions/s", transactions / _seconds(beside)),
        _figure(f"{name}, CPU a transaction", best.cpu_us, "us", beside.cpu_us),
    ]


def _caught_up(broker: Broker, folder: Path, run: int, transactions: int, program: Path) -> Run:
    suffix = f"-{program.stem}{run}"
    found = passed(broker, folder, suffix, transactions, program, warm_up=0, configuration=SERVICE)
    print(f"  {program.stem}: {_seconds(found):.1f} s", file=sys.stderr, flush=True)
    return found


def _day(transactions: int, cards: int) -> pa.Table:
    return tokenised(generate(WorldSettings(cards=cards, days=1, transactions=transactions)), _KEY)


def _seconds(run: Run) -> float:
    return run.finished_s - run.started_s


def _figure(name: str, value: float, unit: str, yardstick: float) -> dict[str, object]:
    return {
        "measure": name,
        "value": round(value, 1),
        "unit": unit,
        "target": None,
        "met": None,
        "yardstick": f"the same job without deduplication and windows ({yardstick:,.1f} {unit})",
        "ratio": round(value / yardstick, 3),
    }


if __name__ == "__main__":
    for figure in measure():
        print(json.dumps(figure))
