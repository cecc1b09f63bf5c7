"""One day of transactions, decided as a live stream on this machine, and what is to be said of it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from sklearn.metrics import average_precision_score

from local.attacks import Attack
from local.stream_run import StreamRun, decisions, differing_features, latency_ms, run_stream
from local.system import StreamingSystem

Faults = Callable[[StreamingSystem], Callable[[float], None]]
"""Given the running system, a function of the seconds since the first record that does harm to it."""

OUTCOMES = ("approve", "review", "block")


class Screen(Protocol):
    """Where a run shows itself."""

    def phase(self, name: str) -> None:
        """A new phase begins."""
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """How far the phase's work is."""
        ...

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Transactions sent of all, and the latest decisions, newest first."""
        ...


class SilentScreen:
    """A screen that shows nothing, for tests and measurements."""

    def phase(self, name: str) -> None:
        """Nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Nothing."""

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Nothing."""


@dataclass(frozen=True)
class DecidedDay:
    """What became of a day.

    Attributes:
        run: what was sent, and what the stream job made of it.
        decided: every decision, a row of the store each.
        labels: {transaction_id: 0 or 1} of the transactions sent.
        compared, different: streamed feature records held against batch, and those that are not bit-equal.
        attacks: the transactions that were staged.
    """

    run: StreamRun
    decided: list[dict[str, Any]]
    labels: dict[str, int]
    compared: int
    different: int
    attacks: list[Attack]


def decide_day(
    history: pa.Table,
    live: pa.Table,
    from_ms: int,
    model: Path,
    nightly: Path,
    screen: Screen,
    *,
    rate: float,
    duplicates: float = 0.0,
    undecided_after_s: float = 10,
    attacks: list[Attack] | None = None,
    faults: Faults | None = None,
    folder: Path | None = None,
) -> DecidedDay:
    """Send a day through Kafka and Flink, have every transaction decided, and compare the features with batch.

    Args:
        history: tokenised rows before `from_ms`.
        live: tokenised rows from then on, within a day.
        from_ms: the cut that the nightly store was made at.
        model: the model's folder.
        nightly: the nightly store's file.
        screen: told of everything.
        rate: transactions a second.
        duplicates: share of them that Kafka delivers twice.
        undecided_after_s: when a transaction without features is decided by the fallback rule.
        attacks: those of the rows that were staged.
        faults: harm to do on the way.
        folder: where the processes keep data and logs; by default a temporary one.

    Raises:
        ProcessError: an engine did not start.
    """
    kept = nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="fraud-stream-")
    with kept as place:
        screen.phase("stream")
        with StreamingSystem(
            Path(place),
            model,
            nightly,
            undecided_after_s=undecided_after_s,
            say=lambda what: screen.progress(what, 0, 1),
        ) as system:
            run = run_stream(
                system, history, live, from_ms, rate=rate, duplicates=duplicates,
                tick=lambda sent, _: screen.live(sent, live.num_rows, latest_decisions(system.decisions)),
                while_running=faults(system) if faults else lambda _: None,
            )  # fmt: skip
            decided = decisions(system.decisions)
    screen.phase("comparison")
    compared, different = differing_features(run.features, history, live, from_ms)
    labels = dict(zip(live["transaction_id"].to_pylist(), live["is_fraud"].to_pylist(), strict=True))
    return DecidedDay(run, decided, labels, compared, different, attacks or [])


def latest_decisions(path: Path, count: int = 12) -> list[dict[str, Any]]:
    """The newest decisions, newest first."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM decisions ORDER BY rowid DESC LIMIT ?"
        return [dict(row) for row in connection.execute(query, (count,))]


def summary(day: DecidedDay) -> dict[str, Any]:
    """The figures of a day, as summary.json holds them."""
    per_transaction = Counter(row["transaction_id"] for row in day.decided)
    outcome = {row["transaction_id"]: row["outcome"] for row in day.decided}
    return {
        "transactions": day.run.transactions,
        "duplicates_sent": day.run.duplicates_sent,
        "decisions": len(day.decided),
        "undecided": sum(identity not in per_transaction for identity in day.labels),
        "quarantined": day.run.quarantined,
        "decided_twice": sum(times > 1 for times in per_transaction.values()),
        "by_outcome": {name: sum(row["outcome"] == name for row in day.decided) for name in OUTCOMES},
        "by_path": {name: sum(row["path"] == name for row in day.decided) for name in ("model", "fallback")},
        "features_compared": day.compared,
        "features_different": day.different,
        "latency_ms": latency_ms(day.run, day.decided),
        "attacks": [
            {
                "pattern": one.pattern,
                "fraud": one.fraud,
                "outcomes": [outcome.get(identity, "undecided") for identity in one.transaction_ids],
            }
            for one in day.attacks
        ],
    }


def average_precision(day: DecidedDay) -> float | None:
    """Of the model's scores of the day; None without a fraud among them."""
    rows = [row for row in day.decided if row["path"] == "model"]
    label = [day.labels[row["transaction_id"]] for row in rows]
    return float(average_precision_score(label, [row["score"] for row in rows])) if any(label) else None
