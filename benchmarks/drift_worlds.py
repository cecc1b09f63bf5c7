"""Made-up worlds of 700 cards with rhythms of weeks and months, each with three watched days as they were, and changed: false
alarms a day, and days until a change is found. `python -m benchmarks.drift_worlds`

The seeds are none of those that drift's settings were chosen on (0-29 and 1000-1029), and none of the test's (200-229). One
model, of another world, scores in all of them. The yardstick reads the features of the same decisions as JSON, no more.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import Trained, train_model
from samples.drift_worlds import Change, WatchedWorld

SEEDS = range(300, 330)
TRAINED_ON = 600
"""The seed of the model's own world."""
CARDS, DAYS, WATCHED = 700, 35, 3
"""Of each world, the days of its baseline, and those that are watched."""


@dataclass(frozen=True)
class Seen:
    """What was found in a world.

    Attributes:
        seed: the world's.
        alarms: watched days without a change on which something was named.
        tripled, tried: the day of the change, from 1 on, on which all amounts that were tripled were named, and the new fraud
            pattern by its amounts and where fraud is missed; None: on none that was watched.
        seconds: of the program, a day each.
        reading_s: of the yardstick on the same decisions.
    """

    seed: int
    alarms: int
    tripled: int | None
    tried: int | None
    seconds: tuple[float, ...]
    reading_s: tuple[float, ...]


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    trained = model()
    return figures([looked_at(seed, trained) for seed in SEEDS])


def model() -> Trained:
    """What decides in all worlds."""
    rows = WatchedWorld.make(TRAINED_ON, cards=1_000, days=40).before()
    return train_model(rows, TrainingSettings(rounds=30, eta=0.3), test_from_ms=int(rows["event_ms"].quantile(0.7)))


def looked_at(seed: int, trained: Trained) -> Seen:
    """A world's watched days: all as they were, and changed until all is found."""
    world = WatchedWorld.make(seed, CARDS, DAYS, WATCHED)
    baseline, change = world.baseline(trained), world.change()
    seconds: list[float] = []
    reading_s: list[float] = []
    days = [world.day + timedelta(days=number) for number in range(WATCHED)]

    def named(rows: pd.DataFrame, day: date) -> set[str]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            of_day = rows[pd.to_datetime(rows["event_ms"], unit="ms").dt.date == day]
            report, took = _timed(lambda: world.found(trained, baseline, of_day, folder, day))
            seconds.append(took)
            reading_s.append(_timed(lambda: _read_alone(folder / "decisions"))[1])
        return {each["name"] for each in report["drifted"]}

    usual = world.as_it_was()
    alarms = sum(bool(named(usual, day)) for day in days)
    changed, tripled, tried = world.changed(change), None, None
    for number, day in enumerate(days, start=1):
        names = named(changed, day)
        tripled = tripled or (number if _tripled(change) <= names else None)
        tried = tried or (number if _tried(change) <= names else None)
        if tripled and tried:
            break
    return Seen(seed, alarms, tripled, tried, tuple(seconds), tuple(reading_s))


def _tripled(change: Change) -> set[str]:
    return {f"amount of {name}" for name in change.tripled}


def _tried(change: Change) -> set[str]:
    return {f"amount of {change.tried}", f"frauds missed: category {change.unseen}"}


def _read_alone(decisions: Path) -> None:
    for file in sorted(decisions.rglob("*.parquet")):
        json.loads("[" + ",".join(pq.read_table(file, columns=["features"])["features"].to_pylist()) + "]")


def _timed(what: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return what(), time.perf_counter() - began


def figures(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """What was found in all worlds, as `benchmarks.run` collects it."""
    seeds = f"seeds {seen[0].seed} to {seen[-1].seed}"
    days, alarms = WATCHED * len(seen), sum(one.alarms for one in seen)
    seconds = [each for one in seen for each in one.seconds]
    reading_s = statistics.median(each for one in seen for each in one.reading_s)
    where = ", ".join(f"{one.alarms} in {one.seed}" for one in seen if one.alarms)
    return [
        {
            "measure": f"drift in {len(seen)} worlds ({seeds}) without a change: days with a false alarm, of "
            f"{days}" + (f" ({where})" if where else ""),
            "value": alarms,
            "unit": "days",
            "target": "1 in 30 days",
            "met": alarms * 30 <= days,
        },
        _until("tripled amounts in two categories", {one.seed: one.tripled for one in seen}),
        _until("a new fraud pattern, and fraud that is missed", {one.seed: one.tried for one in seen}),
        {
            "measure": f"the program on such a day, best; median of {len(seconds)}",
            "value": f"{min(seconds):.2f}; {statistics.median(seconds):.2f}",
            "unit": "s",
            "target": None,
            "met": None,
            "ratio": round(statistics.median(seconds) / reading_s, 1),
            "yardstick": f"reading the features' JSON alone, {reading_s:.3f} s",
        },
    ]


def _until(what: str, days: dict[int, int | None]) -> dict[str, Any]:
    first = sum(day == 1 for day in days.values())
    later = _named(seed for seed, day in days.items() if day != 1)
    latest = None if None in days.values() else max(day or 0 for day in days.values())
    return {
        "measure": f"{what}: the latest day on which all is named, on the first in {first} of {len(days)} worlds{later}",
        "value": latest or f"more than {WATCHED}",
        "unit": "days",
        "target": "1 day",
        "met": latest == 1,
    }


def _named(seeds: Iterable[int]) -> str:
    listed = ", ".join(map(str, seeds))
    return f"; not {listed}" if listed else ""


if __name__ == "__main__":
    for each in measure():
        print(each)
