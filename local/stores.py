"""The decision store and the nightly store on this machine: SQLite files that several processes share."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from fraud.decision import Decision
from fraud.payment import Payment
from fraud.ports import Nightly, NightlyUnavailableError

_DECISIONS = """
CREATE TABLE IF NOT EXISTS decisions (
  transaction_id TEXT PRIMARY KEY,
  cc_num TEXT NOT NULL,
  amount_cents INTEGER NOT NULL,
  trans_time INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  path TEXT NOT NULL,
  score REAL,
  model_version TEXT,
  why TEXT,
  decision TEXT NOT NULL
)
"""
_COLUMNS = (
    "transaction_id",
    "cc_num",
    "amount_cents",
    "trans_time",
    "decided_at",
    "outcome",
    "path",
    "score",
    "model_version",
    "why",
)
_INSERT = (
    f"INSERT INTO decisions ({', '.join(_COLUMNS)}, decision) VALUES ({'?, ' * len(_COLUMNS)}?) "
    "ON CONFLICT (transaction_id) DO NOTHING"
)
_BUSY_S = 30.0
"""How long a writer waits for the others: a batch takes milliseconds, so this is never used up."""


class SqliteDecisionStore:
    """Decisions in a SQLite file, created if need be. Safe with several processes; in one process, a connection a thread.

    Times are milliseconds since 1970 in UTC; the column `decision` is the whole of it as JSON.

    >>> store = SqliteDecisionStore(Path(tempfile.mkdtemp(), "decisions.db"))
    >>> store.decided(["t1"])
    {}
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        self._turn_on_wal()
        # In WAL mode this survives the end of any process; only the machine's own end can lose the last batches, and those
        # are not lost but decided again: Kafka's offsets are committed later still.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_DECISIONS)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Records each decision whose transaction has none yet, in one transaction of the database.

        Returns:
            The decision that stands for each transaction, in order.

        Raises:
            sqlite3.Error: none is recorded.
        """
        rows = [(*[getattr(decision, name) for name in _COLUMNS], decision.to_json()) for decision in decisions]
        # IMMEDIATE takes the write lock at once: a read that grows into a write is refused instead of waiting
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            recorded = self._connection.executemany(_INSERT, rows).rowcount
            standing = None if recorded == len(rows) else self._standing([row[0] for row in rows])
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        if standing is None:
            return list(decisions)
        return [standing[decision.transaction_id] for decision in decisions]

    def decided(self, transaction_ids: Collection[str]) -> dict[str, Payment]:
        """Those of the transactions that have a decision, each with the payment that it was made about."""
        query = (
            "SELECT transaction_id, cc_num, amount_cents, decision ->> '$.event_time' FROM decisions "
            "WHERE transaction_id IN (SELECT value FROM json_each(?))"
        )
        return {row[0]: Payment(*row) for row in self._connection.execute(query, (json.dumps(list(transaction_ids)),))}

    def _turn_on_wal(self) -> None:
        # Two processes that create the file at once: SQLite refuses one of them at once, whatever its time-out.
        give_up = time.monotonic() + _BUSY_S
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)

    def _standing(self, transaction_ids: Sequence[str]) -> dict[str, Decision]:
        query = (
            "SELECT transaction_id, decision FROM decisions WHERE transaction_id IN (SELECT value FROM json_each(?))"
        )
        found = self._connection.execute(query, (json.dumps(transaction_ids),))
        return {transaction_id: Decision.from_json(text) for transaction_id, text in found}


def write_nightly(
    path: Path, cards: Iterable[tuple[str, Mapping[str, Any]]], population: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes the nightly features and puts them in place at once: a reader sees the old file or the new one, never a part.

    Args:
        path: the file.
        cards: (token, record) of every card.
        population: {category: record}.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("CREATE TABLE cards (cc_num TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID")
            connection.execute(
                "CREATE TABLE population (category TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"
            )
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO cards VALUES (?, ?)", ((key, _json(record)) for key, record in cards))
            rows = ((key, _json(record)) for key, record in population.items())
            connection.executemany("INSERT INTO population VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


class SqliteNightlyStore:
    """The nightly features that `write_nightly` wrote; takes up a new file by itself. One instance a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = (0, 0, 0)
        self._connection: sqlite3.Connection | None = None
        self._population: dict[str, Any] = {}

    def read(self, cards: Collection[str]) -> Nightly:
        """The records of the cards that it knows, and of all categories.

        Raises:
            NightlyUnavailableError: there is no such file, or it is not whole.
        """
        query = "SELECT cc_num, record FROM cards WHERE cc_num IN (SELECT value FROM json_each(?))"
        try:
            connection = self._current()
            found = connection.execute(query, (json.dumps(list(cards)),))
            return Nightly({cc_num: json.loads(record) for cc_num, record in found}, self._population)
        except (OSError, sqlite3.Error, ValueError) as error:
            self.close()
            raise NightlyUnavailableError(f"the nightly store does not answer: {error}") from error

    def close(self) -> None:
        """Closes the file; the next read opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _current(self) -> sqlite3.Connection:
        stat = self._path.stat()
        file = (stat.st_dev, stat.st_ino, stat.st_mtime_ns)
        if self._connection is None or file != self._file:
            self.close()
            # immutable: the file is never written again, only replaced, so no locks are taken
            self._connection = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            rows = self._connection.execute("SELECT category, record FROM population")
            self._population = {category: json.loads(record) for category, record in rows}
            self._file = file
        return self._connection
