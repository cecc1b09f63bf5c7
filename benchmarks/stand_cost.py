"""What the standing application costs: processor time with no traffic, and of a transaction. `python -m benchmarks.stand_cost`

The application stands as `fraud up` leaves it, with a model that its own machine has trained. After a warm-up each process of
it is looked at for a minute without traffic, and for a minute with 100 transactions a second. Times of processors hardly depend
on what else the machine does; no latency is measured here. The sender's own time is not counted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
from confluent_kafka import Producer

from emulator.process import EmulatedAws
from engines.flink import COMMAND
from fraud.world import WorldSettings, generate, stream_messages
from local.application import Application, DecisionFeed
from local.demo import DemoSettings, staged_day
from local.deployment import deploy
from local.nightly import start_nightly
from local.screen import SilentScreen
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from local.training import start_training, trained

RATE = 100
WARM_UP_S, SETTLE_S, SECONDS = 20, 75, 60
"""The watch looks at a transaction after a minute: it has started its processes by the time that is measured."""
DRAIN_S = 3
"""After the last transaction, until its decision is told of."""
LOOK_EVERY_S = 0.5
PATIENCE_S = 120
IDLE_CORES, TRANSACTION_MS = 0.3, 4.0
"""The targets."""
GROUPS = (("kafka.Kafka", "broker"), (COMMAND, "Flink"), ("emulator.hosted.host", "emulated AWS"))


def group(command: list[str]) -> str:
    """Whose time a process takes, by its command line; the guard of a process counts with it.

    >>> group(["python", "guard.py", "7", "python", "-S", "-m", "awslambdaric", "lambda_src.decide.handler.handler"])
    'function decide'
    >>> group(["java", "-cp", "kafka/*", "kafka.Kafka", "server.properties"]), group(["gunicorn"])
    ('broker', 'serving')
    """
    if "awslambdaric" in command:
        return f"function {command[-1].split('.')[1]}"
    return next((name for part, name in GROUPS if part in command), "serving")


class Times:
    """Processor seconds, user and system, of everything that this process has started, from now on."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, float], str] = {}
        self._seen: dict[tuple[int, float], float] = {}
        self._look()
        self._before = dict(self._seen)
        self._started = time.monotonic()

    def wait(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Lets so much time pass; looks now and then, for a process may end meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
            meanwhile()
            self._look()

    def by_group(self) -> tuple[dict[str, float], float]:
        """Seconds of each group, and those that have passed."""
        self._look()
        spent: defaultdict[str, float] = defaultdict(float)
        for process, seconds in self._seen.items():
            spent[self._names[process]] += seconds - self._before.get(process, 0.0)
        return dict(spent), time.monotonic() - self._started

    def _look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            try:
                who, times = (process.pid, process.create_time()), process.cpu_times()
                if who not in self._names:
                    self._names[who] = group(process.cmdline())
            except psutil.NoSuchProcess:
                continue
            self._seen[who] = times.user + times.system


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary, EmulatedAws(Path(temporary) / "aws", STAND_INS) as aws:
        deploy(synthesized_stacks(Path(temporary), {"env": "dev"}), aws.client)
        application = Application(aws.client)
        _say("training the model")
        messages = _trained(application, Path(temporary))
        feed = application.feed()
        _say("warming up")
        _decided(feed, _traffic(application, messages, WARM_UP_S))
        time.sleep(SETTLE_S)
        _say(f"{SECONDS} s without traffic")
        idle = Times()
        idle.wait(SECONDS)
        without, seconds = idle.by_group()
        _say(f"{SECONDS} s with {RATE} transactions a second")
        busy = Times()
        count = _traffic(application, messages, SECONDS)
        with_traffic, busy_s = busy.by_group()
        _decided(feed, count)
    cores = {name: spent / seconds for name, spent in without.items()}
    each = {name: 1000 * (spent - cores.get(name, 0.0) * busy_s) / count for name, spent in with_traffic.items()}
    return [
        *_rows("no traffic", cores, "cores", 3, IDLE_CORES),
        *_rows(f"a transaction at {RATE}/s, beyond that", each, "ms of CPU", 2, TRANSACTION_MS),
    ]


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def _rows(what: str, spent: dict[str, float], unit: str, digits: int, target: float) -> list[dict[str, Any]]:
    total = sum(spent.values())
    parts = sorted(spent.items(), key=lambda one: -one[1])
    rows = [("all processes", total, target, total <= target), *((name, value, None, None) for name, value in parts)]
    return [
        {"measure": f"{what}: {name}", "value": round(value, digits), "unit": unit, "target": aim, "met": met}
        for name, value, aim, met in rows
    ]


def _trained(application: Application, temporary: Path) -> list[tuple[bytes, bytes]]:
    """Has a model trained and the nightly features filled; (key, message) of what the same world does next."""
    settings = DemoSettings()
    world = generate(WorldSettings(cards=settings.cards, days=settings.days, seed=settings.seed))
    day = staged_day(world, settings.transactions)
    training = start_training(application, day.history)
    application.wait(start_nightly(application, day.history, day.from_ms, temporary, SilentScreen()))
    (temporary / "model").mkdir()
    trained(application, training, temporary / "model")
    live = day.live
    keys = live["cc_num"].cast(pa.string()).to_pylist()
    times = live["event_time"].cast(pa.timestamp("ms", "UTC"))
    live = live.set_column(live.column_names.index("event_time"), "event_time", times)
    return [(key.encode(), message) for key, message in zip(keys, stream_messages(live), strict=True)]


def _traffic(application: Application, messages: list[tuple[bytes, bytes]], seconds: int) -> int:
    """Sends the first of the messages at RATE, and takes them away; how many."""
    count = RATE * seconds
    if count > len(messages):
        raise RuntimeError(f"{len(messages)} messages are too few for {count}")
    producer = Producer({"bootstrap.servers": application.brokers, "partitioner": "murmur2_random", "linger.ms": 1})
    started = time.monotonic()
    for number, (key, message) in enumerate(messages[:count]):
        time.sleep(max(0.0, started + number / RATE - time.monotonic()))
        producer.produce("transactions", message, key)
        producer.poll(0)
    del messages[:count]
    producer.flush(60)
    time.sleep(DRAIN_S)
    return count


def _decided(feed: DecisionFeed, count: int) -> None:
    """Waits until so many more are decided."""
    decided, deadline = 0, time.monotonic() + PATIENCE_S
    while decided < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{decided} of {count} transactions were decided")
        decided += len(feed.read())
        time.sleep(0.2)


if __name__ == "__main__":
    from benchmarks.run import shown

    for row in measure():
        print(shown(row))
