"""What each window costs the stream job: processor time a transaction, measured by leaving each out, and by adding others.

python -m benchmarks.window_costs writes benchmarks/window_costs.json: each set of windows and its processor time.

Processor times hardly depend on what else the machine does. A transaction has all fields that may be missing; merchants are 700,
devices 30,000.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.stream_features import message
from benchmarks.stream_run import PASS_THROUGH, passed
from engines.broker import Broker
from fraud.features.catalogue import CATALOGUE
from fraud.features.windows import Window
from local.replayer import Record, Replayer
from local.stream_job import ROOT, STREAM_JOB
from local.topics import REPLAY_TOPICS

TRANSACTIONS = 600_000
WARM_UP = 0.4
RUNS = 2
CARDS, MERCHANTS, DEVICES = 20_000, 700, 30_000
OUT = Path(__file__).with_suffix(".json")
WITHOUT_WINDOWS = Path(__file__).with_name("without_windows.py")
ADDED = (
    Window(key=("merchant",), back="1h", aggregates=("count", "mean")),
    Window(key=("device_id",), back="10m", aggregates=("count",)),
)
"""Windows that someone may declare, by other keys."""

PROGRAM = """
import runpy, sys
sys.path.insert(0, {root!r})
from fraud.features import catalogue
from fraud.features.windows import Window
catalogue.CATALOGUE = catalogue.Catalogue(windows={windows!r}, habits=catalogue.CATALOGUE.habits)
runpy.run_path({program!r}, run_name="__main__")
"""
"""The stream job with other windows."""


def measure(transactions: int = TRANSACTIONS, runs: int = RUNS) -> list[dict[str, object]]:
    """The figures, each a dict of measure, value, unit, target, met."""
    everything = CATALOGUE.windows
    sets = {
        **{f"without {window}": tuple(each for each in everything if each != window) for window in everything},
        **{f"with {window} besides": (*everything, window) for window in ADDED},
    }
    with tempfile.TemporaryDirectory() as temporary, Broker(Path(temporary) / "kafka") as broker:
        folder = Path(temporary)
        broker.create_topics({"transactions": REPLAY_TOPICS["transactions"]})
        Replayer(broker.address).replay(_records(transactions))
        programs = {
            "passed through": PASS_THROUGH,
            "all windows": STREAM_JOB,
            "no window": WITHOUT_WINDOWS,
            **{name: _program(folder, f"set{number}", windows) for number, (name, windows) in enumerate(sets.items())},
        }
        cpu_us: dict[str, list[float]] = {name: [] for name in programs}
        for run in range(runs):
            for number, (name, program) in enumerate(programs.items()):
                one = passed(broker, folder, f"-{run}-{number}", transactions, program, warm_up=WARM_UP)
                cpu_us[name].append(one.cpu_us)
                print(f"  {name}: {one.cpu_us:.1f} us, {one.rate:,.0f}/s", file=sys.stderr, flush=True)
    medians = {name: round(statistics.median(found), 1) for name, found in cpu_us.items()}
    OUT.write_text(json.dumps(medians, indent=2) + "\n")
    return figures(medians)


def figures(cpu_us: dict[str, float]) -> list[dict[str, object]]:
    """What each part costs, from the processor time a transaction of each set of windows.

    Args:
        cpu_us: of `passed through`, `no window`, `all windows`, and of each set that lacks a window or has one besides.

    >>> times = {"passed through": 40.0, "no window": 50.0, "all windows": 90.0, "without x": 70.0, "with y besides": 99.0}
    >>> [(row["measure"], row["value"]) for row in figures(times)][1:]
    [('deduplication', 10.0), ('x', 20.0), ('y, besides', 9.0), ('all windows', 90.0)]
    """
    through, none, everything = (cpu_us[name] for name in ("passed through", "no window", "all windows"))
    costs = {"reading, contract and writing alone": through, "deduplication": none - through}
    for name, value in cpu_us.items():
        if name.startswith("without "):
            costs[name.removeprefix("without ")] = everything - value
        elif name.startswith("with "):
            costs[f"{name.removeprefix('with ').removesuffix(' besides')}, besides"] = value - everything
    costs["all windows"] = everything
    return [
        {"measure": name, "value": round(value, 1), "unit": "us of CPU a transaction", "target": None, "met": None}
        for name, value in costs.items()
    ]


def _program(folder: Path, name: str, windows: tuple[Window, ...]) -> Path:
    file = folder / f"{name}.py"
    file.write_text(PROGRAM.format(root=str(ROOT), windows=windows, program=str(STREAM_JOB)))
    return file


def _records(count: int) -> Iterator[Record]:
    random_ = random.Random(1)  # noqa: S311 - the same rows each time, not a secret
    moment = 1_600_000_000_000
    for number in range(count):
        moment += random_.randint(0, 400)
        card = f"{random_.randrange(CARDS):032x}"
        fields = json.loads(message(f"{number:032x}", card, random_.randint(100, 50_000)))
        fields |= {
            "merchant": f"merchant {random_.randrange(MERCHANTS)}",
            "device_id": f"device-{random_.randrange(DEVICES)}",
            "terminal_id": f"terminal-{random_.randrange(MERCHANTS)}",
            "entry_mode": "contactless",
            "currency": "EUR",
            "country": "DE",
            "mcc": "5411",
        }
        yield Record(moment, card.encode(), json.dumps(fields).encode())


if __name__ == "__main__":
    for figure in measure():
        print(json.dumps(figure))
