"""The nightly features as one SQLite file, for whoever wants to look at them: what `fraud features --cut` writes."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from fraud.features.nightly import CardRecord, Population


def write_nightly(path: Path, cards: Iterable[tuple[str, CardRecord]], population: Population) -> None:
    """Writes the nightly features and puts them in place at once: a reader sees the old file or the new one, never a part.

    Args:
        path: the file.
        cards: (token, record) of every card.
        population: what is known of all cards together.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("CREATE TABLE cards (cc_num TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID")
            connection.execute("CREATE TABLE population (feature TEXT PRIMARY KEY, habits TEXT NOT NULL) WITHOUT ROWID")
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO cards VALUES (?, ?)", ((card, _json(_row(record))) for card, record in cards)
            )
            rows = ((feature, _json(habits)) for feature, habits in population.items())
            connection.executemany("INSERT INTO population VALUES (?, ?)", rows)
            connection.execute("COMMIT")
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _row(record: CardRecord) -> dict[str, object]:
    return {**record.features, "cut_ms": record.cut_ms, **record.habits}


def _json(record: Mapping[str, object]) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)
