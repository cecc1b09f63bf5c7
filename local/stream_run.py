"""Replay transactions through the streaming system, and see what became of every one of them."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fraud.features.catalogue import STREAM_FEATURES, names
from fraud.world import stream_messages
from local.replay import Replayer
from local.system import StreamingSystem
from sagemaker_src.processing.batch_features import compute, engine, load

DAY_MS = 86_400_000

Tick = Callable[[int, int], None]
"""Told (transactions sent, transactions decided), several times a second."""


@dataclass(frozen=True)
class StreamRun:
    """What a replay did.

    Attributes:
        transactions: how many different ones were sent.
        duplicates_sent: how many were delivered again.
        sent_ms: {transaction_id: wall clock when it was handed to Kafka}.
        features: what the stream job wrote, a mapping each; a restart may have written some twice, with the same values.
        quarantined: how many messages were refused.
        finished: whether every transaction was decided before the time ran out.
        seconds: from the first record to the last decision.
    """

    transactions: int
    duplicates_sent: int
    sent_ms: dict[str, float]
    features: list[dict[str, Any]]
    quarantined: int
    finished: bool
    seconds: float


def records(table: pa.Table) -> list[tuple[int, bytes, bytes]]:
    """A table of transactions (`fraud.world.tables.STREAM_COLUMNS`) as (time, key, message), in time order."""
    # The wire carries milliseconds; a table that went through DuckDB holds microseconds.
    place = table.column_names.index("event_time")
    table = table.set_column(place, "event_time", table["event_time"].cast(pa.timestamp("ms", "UTC")))
    table = table.sort_by([("event_time", "ascending"), ("transaction_id", "ascending")])
    times = table["event_time"].cast(pa.int64()).to_pylist()
    keys = table["cc_num"].cast(pa.string()).to_pylist()
    return [
        (time_ms, key.encode(), message)
        for time_ms, key, message in zip(times, keys, stream_messages(table), strict=True)
    ]


def split_by_time(table: pa.Table, from_ms: int) -> tuple[pa.Table, pa.Table]:
    """The rows before a moment and those from it on."""
    later = table["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy() >= from_ms
    return table.filter(pa.array(~later)), table.filter(pa.array(later))


def run_stream(
    system: StreamingSystem,
    history: pa.Table,
    live: pa.Table,
    from_ms: int,
    *,
    rate: float,
    duplicates: float = 0.0,
    tick: Tick = lambda _sent, _decided: None,
    while_running: Callable[[float], None] = lambda _elapsed_s: None,
    patience_s: float = 60,
) -> StreamRun:
    """Warm the windows up with the day before, then send the live rows and wait until each is decided.

    Args:
        system: started, its deciding process not yet.
        history: rows before `from_ms`; the last day of them warms the windows up.
        live: rows from then on.
        from_ms: when deciding begins.
        rate: transactions a second.
        duplicates: share of them that is delivered twice.
        tick: told of progress.
        while_running: called with the seconds since the first record, for faults.
        patience_s: how long to wait for decisions after the last record.
    """
    replayer = Replayer(system.broker.address, duplicates=duplicates)
    system.warm_up(replayer, records(split_by_time(history, from_ms - DAY_MS)[1]), from_ms)
    since = system.ends("features")
    system.start_deciding()
    sending = Sending(replayer, records(live), rate)
    started = time.monotonic()
    sending.start()
    decided, give_up = 0, float("inf")
    while decided < live.num_rows and time.monotonic() < give_up:
        time.sleep(0.25)
        decided = decision_count(system.decisions)
        tick(sending.count, decided)
        while_running(time.monotonic() - started)
        if not sending.is_alive() and give_up == float("inf"):
            give_up = time.monotonic() + patience_s
    seconds = time.monotonic() - started
    sending.join()
    if sending.failure:
        raise sending.failure
    return StreamRun(
        transactions=live.num_rows,
        duplicates_sent=sending.duplicates,
        sent_ms=sending.sent_ms(),
        features=all_features(lambda: system.messages("features", since), live.num_rows, patience_s),
        quarantined=len(system.messages("quarantine")),
        finished=decided >= live.num_rows,
        seconds=seconds,
    )


def all_features(read: Callable[[], list[bytes]], transactions: int, patience_s: float) -> list[dict[str, Any]]:
    """The features of every transaction: after a restart the stream job may come to some that the fallback rule has decided.

    Args:
        read: gives all that the stream job has written so far.
        transactions: how many different ones are waited for.
        patience_s: how long.
    """
    give_up = time.monotonic() + patience_s
    while True:
        found = [json.loads(message) for message in read()]
        if len({record["transaction_id"] for record in found}) >= transactions or time.monotonic() > give_up:
            return found
        time.sleep(0.5)


class Sending(threading.Thread):
    """The replay, beside whoever watches it.

    Attributes:
        count: records handed over so far.
        duplicates, sent_s: as `local.replay.Sent` has them, once it has ended.
        failure: what ended it early.
    """

    def __init__(self, replayer: Replayer, records: list[tuple[int, bytes, bytes]], rate: float) -> None:
        super().__init__(name="replay", daemon=True)
        self.replayer, self.records, self.rate = replayer, records, rate
        self.count, self.duplicates = 0, 0
        self.sent_s: list[float] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            sent = self.replayer.replay(self._counted(), rate=self.rate)
            self.sent_s, self.duplicates = sent.sent_s, sent.duplicates
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for this one
            self.failure = error

    def sent_ms(self) -> dict[str, float]:
        """{transaction_id: wall clock when it was first handed to Kafka, milliseconds}, once it has ended."""
        ids = [json.loads(message)["transaction_id"] for _, _, message in self.records]
        return {identity: at * 1000 for identity, at in zip(ids, self.sent_s, strict=True)}

    def _counted(self) -> Iterator[tuple[int, bytes, bytes]]:
        for record in self.records:
            self.count += 1
            yield record


def decision_count(path: Path) -> int:
    """How many decisions are recorded."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return int(connection.execute("SELECT count(*) FROM decisions").fetchone()[0])


def decisions(path: Path) -> list[dict[str, Any]]:
    """Every recorded decision, a row each: the columns of the store; `decision` is the whole as JSON."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM decisions")]


def differing_features(
    streamed: list[dict[str, Any]], history: pa.Table, live: pa.Table, from_ms: int
) -> tuple[int, int]:
    """The stream's features held against the batch features of the same rows.

    Returns:
        How many records were compared, and how many of them are not bit-equal.
    """
    columns = ", ".join(STREAM_COLUMNS)
    day_before = split_by_time(history, from_ms - DAY_MS)[1]
    wanted = names(STREAM_FEATURES)
    with engine() as connection:
        connection.register("day_before", day_before)
        connection.register("live", live)
        connection.execute(f"""CREATE TABLE curated AS SELECT {columns} FROM day_before
            UNION ALL SELECT {columns} FROM live""")
        load(connection, "curated")
        compute(connection)
        found = connection.execute(f"SELECT row, {', '.join(wanted)} FROM stream_features").fetchall()
    batch = {row[0]: row[1:] for row in found}
    different = sum(tuple(record[name] for name in wanted) != batch[record["transaction_id"]] for record in streamed)
    return len(streamed), different


STREAM_COLUMNS = ("transaction_id", "cc_num", "category", "amount_cents", "event_time")


def latency_ms(run: StreamRun, decided: list[dict[str, Any]]) -> dict[str, float]:
    """From Kafka in to decision recorded, wall clock, of those that the model decided."""
    waited = [row["decided_at"] - run.sent_ms[row["transaction_id"]] for row in decided if row["path"] == "model"]
    if not waited:
        return {"p50": float("nan"), "p99": float("nan")}
    return {f"p{percent}": round(float(np.percentile(waited, percent)), 1) for percent in (50, 99)}
