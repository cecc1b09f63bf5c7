"""The whole system through its stacks: what `make demo` runs.

The synthesized templates stand on the emulated AWS. A world's past becomes a model by the template's training machine, which an
event starts, and nightly features by the template's nightly machine; its last day goes into the stack's topic and is decided by
the stack's functions.
"""

from __future__ import annotations

import datetime
import io
import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fraud.world import WorldSettings, generate
from local.aws.application import Application, ApplicationError, DecisionFeed
from local.aws.assembly import Stack, read_assembly
from local.aws.deployment import deploy
from local.aws.emulator import EmulatedAws
from local.aws.ledger import Entry, check_types, counts
from local.aws.sagemaker.containers import extract
from local.aws.synthesis import ROOT, synthesize
from local.aws.written import denials, write_account
from local.decided_day import DecidedDay, Screen, average_precision, summary
from local.demo import DemoSettings, Timed, staged_world
from local.processes import Process, ProcessError
from local.replay import Replayer
from local.stream_run import DAY_MS, StreamRun, differing_features, records, split_by_time
from local.system import read_messages, topic_ends

PATIENCE_S = 90
"""How long a run waits without any progress."""
LATEST = 12


class DeniedError(RuntimeError):
    """A policy in the templates does not allow what was done: names role, action and resource."""


@dataclass(frozen=True)
class StackedDemo:
    """What the run left, for the screen and the report."""

    summary: dict[str, Any]
    day: DecidedDay
    entries: list[Entry]


def run_through_stacks(settings: DemoSettings, folder: Path, temporary: Path, screen: Screen) -> StackedDemo:
    """Make a world, stand the stacks up, train, compute the nightly features, decide the last day, and account for it all.

    Args:
        folder: where what a person keeps goes: ledger, permissions, the model, its training set.
        temporary: where everything else goes.

    Raises:
        ProcessError, DeploymentError, ApplicationError: a part did not come up or did not do its work.
        DeniedError: a policy does not allow what was done.
    """
    timed = Timed(screen)
    timed.phase("templates")
    # a past day is sent again, with its own times
    stacks = _synthesized(temporary, {"env": "dev", "replay": True})
    timed.phase("world")
    world = generate(WorldSettings(cards=settings.cards, days=settings.days, seed=settings.seed))
    history, live, attacks, from_ms = staged_world(world, settings)
    timed.phase("stacks")
    with EmulatedAws(temporary / "aws") as aws:
        deploy(stacks, aws.client, lambda name: screen.progress(name, 0, 1))
        application = Application(aws.client)
        try:
            timed.phase("training")
            evaluation = _train(application, history, from_ms, folder, temporary, screen)
            timed.phase("stream")
            readers = _readers(stacks, "features")
            run = _replay(application, readers, history, live, from_ms, settings, screen)
            wanted = set(live["transaction_id"].to_pylist())
            decided = [row for row in application.decisions() if row["transaction_id"] in wanted]
        finally:
            entries, permissions = write_account(aws, stacks, folder)
            if refused := denials(permissions):
                raise DeniedError("; ".join(refused))
    timed.phase("comparison")
    compared, different = differing_features(run.features, history, live, from_ms)
    labels = dict(zip(live["transaction_id"].to_pylist(), live["is_fraud"].to_pylist(), strict=True))
    day = DecidedDay(run, decided, labels, compared, different, attacks)
    metrics = {name: value for name, value in evaluation["metrics"].items() if name != "without_fraud_only_cards"}
    model = {"model_version": evaluation["model_version"], **metrics}
    figures = {
        **summary(day),
        "model": {**model, "average_precision_of_the_stream": average_precision(day)},
        "resources": counts(entries),
        "seconds": timed.seconds(),
    }
    return StackedDemo(figures, day, entries)


def _synthesized(temporary: Path, context: Mapping[str, Any]) -> list[Stack]:
    out = temporary / "cdk.out"
    synthesize(out, temporary / "synth.log", context)
    stacks = read_assembly(out)
    check_types(stacks)
    return stacks


def _nights_before(earlier: pa.Table, cut: datetime.date, temporary: Path) -> dict[str, bytes]:
    """The sums that the nights up to a cut have left, by the nightly program itself over all their days: {path: file}."""
    folders = {name: temporary / "nights" / name for name in ("transactions", "daily", "training")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["transactions"] / "history.parquet").write_bytes(_parquet(earlier))
    given = [part for name in ("transactions", "daily") for part in (f"--{name}", folders[name])]
    written = ["--daily-out", folders["daily"], "--training-out", folders["training"]]
    argv = [sys.executable, "-m", "sagemaker_src.processing.nightly", "--cut", str(cut), *given, *written]
    process = Process("the nights before", argv, {"PYTHONPATH": str(ROOT)}, log_path=temporary / "nights.log")
    process.start()
    try:
        if process.wait(PATIENCE_S * 5):
            raise ProcessError(f"the nights before were not computed:\n{process.log_tail()}")
    finally:
        process.kill()
    kept = folders["daily"]
    return {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*.parquet")}


def _train(
    application: Application, history: pa.Table, from_ms: int, folder: Path, temporary: Path, screen: Screen
) -> dict[str, Any]:
    """Nightly features and a model from the past; the model's evaluation."""
    cut = datetime.datetime.fromtimestamp(from_ms / 1000, datetime.timezone.utc).date()
    closed = cut - datetime.timedelta(days=1)
    application.put("CuratedBucket", "transactions/history.parquet", _parquet(history))
    application.put("CuratedBucket", "transactions/_SUCCESS", b"")
    training = application.started_by_event("TrainingStateMachine")
    screen.progress("the nights before", 0, 1)
    closed_ms = from_ms - DAY_MS
    earlier, last = split_by_time(history.drop_columns("is_fraud"), closed_ms)
    for path, content in _nights_before(earlier, closed, temporary).items():
        application.put("CuratedBucket", f"daily/{path}", content)
    application.put("ArchiveBucket", f"transactions/day={closed}/history.parquet", _parquet(last))
    day_before = split_by_time(earlier, closed_ms - DAY_MS)[1]
    before = closed - datetime.timedelta(days=1)
    application.put("ArchiveBucket", f"transactions/day={before}/history.parquet", _parquet(day_before))
    nightly = application.start("NightlyStateMachine", {"cut": str(cut)})
    screen.progress("nightly features", 0, 1)
    application.wait(nightly)
    screen.progress("training set, model, evaluation, endpoint", 0, 1)
    verdict = application.wait(training)
    run = training.rsplit(":", 1)[-1]
    if "New champion" not in application.steps(training):
        raise ApplicationError(f"the model did not take over the endpoint: {json.dumps(verdict)[:500]}")
    (folder / "features.parquet").write_bytes(application.get("CuratedBucket", f"training-sets/{run}/features.parquet"))
    (archive,) = [key for key in application.keys("ModelsBucket", "models/") if key.endswith("model.tar.gz")]
    extract(application.get("ModelsBucket", archive), folder / "model")
    return dict(json.loads(application.get("ModelsBucket", f"evaluations/{run}/evaluation.json")))


def _readers(stacks: list[Stack], topic: str) -> list[str]:
    """The consumer groups of the mappings that read a topic."""
    mappings = (
        resource["Properties"]
        for stack in stacks
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::EventSourceMapping"
    )
    return [
        mapping["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
        for mapping in mappings
        if topic in mapping.get("Topics", [])
    ]


def _replay(
    application: Application,
    readers: list[str],
    history: pa.Table,
    live: pa.Table,
    from_ms: int,
    settings: DemoSettings,
    screen: Screen,
) -> StreamRun:
    """The day before fills the windows, and is decided like any other; then the day itself."""
    replayer = Replayer(application.brokers, duplicates=settings.duplicates)
    before = records(split_by_time(history, from_ms - DAY_MS)[1])
    screen.progress("filling the windows with the day before", 0, 1)
    feed = application.feed()
    Replayer(application.brokers).replay(before, finish=False)
    replayer.heartbeat(from_ms)
    _decided(feed, len(before))
    _caught_up(application, readers)
    since = topic_ends(application.brokers, "features")
    sending = _Sending(replayer, records(live), settings.rate)
    started = time.monotonic()
    sending.start()
    decided: list[dict[str, Any]] = []
    deadline = started + PATIENCE_S
    while len(decided) < live.num_rows and time.monotonic() < deadline:
        time.sleep(0.25)
        if new := feed.read():
            decided += new
            deadline = time.monotonic() + PATIENCE_S
        screen.live(sending.count, live.num_rows, decided[: -LATEST - 1 : -1])
    seconds = time.monotonic() - started
    sent = sending.result()
    ids = [json.loads(message)["transaction_id"] for _, _, message in sending.records]
    features = [json.loads(message) for message in read_messages(application.brokers, "features", since)]
    return StreamRun(
        transactions=live.num_rows,
        duplicates_sent=sent.duplicates,
        sent_ms={identity: at * 1000 for identity, at in zip(ids, sent.sent_s, strict=True)},
        features=features,
        quarantined=len(application.keys("ArchiveBucket", "quarantine/")),
        finished=len(decided) >= live.num_rows,
        seconds=seconds,
    )


def _decided(feed: DecisionFeed, count: int) -> None:
    """Waits until so many decisions are made."""
    seen, deadline = 0, time.monotonic() + PATIENCE_S
    while seen < count:
        if new := len(feed.read()):
            seen, deadline = seen + new, time.monotonic() + PATIENCE_S
        if time.monotonic() > deadline:
            raise ApplicationError(f"{seen} of {count} transactions were decided, and none for {PATIENCE_S} s")
        time.sleep(0.1)


def _caught_up(application: Application, readers: list[str]) -> None:
    """Waits until the mappings have worked off what is in the topic: none of it makes the day itself wait."""
    behind, deadline = -1, time.monotonic() + PATIENCE_S
    while left := sum(application.lag(group, "features") for group in readers):
        if left != behind:
            behind, deadline = left, time.monotonic() + PATIENCE_S
        if time.monotonic() > deadline:
            raise ApplicationError(f"the functions are {left} records behind, and came no further for {PATIENCE_S} s")
        time.sleep(0.2)


class _Sending(threading.Thread):
    """The replay, beside whoever watches it."""

    def __init__(self, replayer: Replayer, wanted: list[tuple[int, bytes, bytes]], rate: float) -> None:
        super().__init__(name="replay", daemon=True)
        self.records, self.count = wanted, 0
        self._replayer, self._rate = replayer, rate
        self._sent: Any = None

    def run(self) -> None:
        self._sent = self._replayer.replay(self._counted(), rate=self._rate)

    def result(self) -> Any:
        """What was sent, once all of it was.

        Raises:
            ApplicationError: Kafka did not take it.
        """
        self.join()
        if self._sent is None:
            raise ApplicationError("Kafka did not take the transactions")
        return self._sent

    def _counted(self) -> Any:
        for record in self.records:
            self.count += 1
            yield record


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
