"""The nightly features as one SQLite file, for whoever wants to look at them: what `fraud features --cut` writes."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any


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
