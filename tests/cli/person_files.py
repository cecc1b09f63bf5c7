"""Files as a person brings them, in Kaggle's columns, and the command as a person runs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import main as command
from reading.transactions import AS_USUAL, Read, Reading, read_transactions
from sagemaker_src.processing.batch_features import engine

CARD = "4111111111111111"
KEY = b"0123456789abcdef"


def frame(rows: int = 40, **columns: object) -> pd.DataFrame:
    """Transactions of one card, a day apart, every second one fraud; `columns` replace or add some."""
    return pd.DataFrame(
        {
            "Unnamed: 0": range(rows),
            "trans_date_trans_time": [f"2020-01-{1 + row % 28:02d} 10:00:{row:02d}" for row in range(rows)],
            "cc_num": [CARD] * rows,
            "merchant": "fraud_Kirlin and Sons",
            "category": "personal_care",
            "amt": [f"{1 + row / 4:.2f}" for row in range(rows)],
            "trans_num": [f"id{row}" for row in range(rows)],
            "merch_lat": 33.98,
            "merch_long": -81.2,
            "is_fraud": [row % 2 for row in range(rows)],
            **columns,
        }
    )


def csv(rows: int = 8, **columns: object) -> str:
    """The same as the text of a CSV."""
    return frame(rows, **columns).to_csv(index=False)


def with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """A table with a column in place of the one of that name."""
    return table.set_column(table.column_names.index(name), name, values)


def parquet(path: Path, rows: int = 8, **columns: object) -> Path:
    """The same as a Parquet file."""
    pq.write_table(pa.Table.from_pandas(frame(rows, **columns), preserve_index=False), path)
    return path


def read(path: Path, reading: Reading = AS_USUAL, columns: Sequence[str] = ("event_time",)) -> tuple[Read, list[Any]]:
    """What reading a file says, and the rows that it made, in the file's order."""
    with engine("500MB", threads=1) as connection:
        said = read_transactions(connection, path, "tx", KEY, reading)
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM tx ORDER BY row").fetchall()
    return said, [row[0] if len(columns) == 1 else row for row in rows]


def moments(path: Path, reading: Reading = AS_USUAL) -> list[datetime]:
    """The moments of a file's rows, UTC."""
    return read(path, reading)[1]


class Ran(NamedTuple):
    """What became of a command: its exit status, and both its outputs."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both outputs, their lines joined."""
        return " ".join(f"{self.out} {self.err}".split())


def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    """Runs `fraud`."""
    monkeypatch.setattr("sys.argv", ["fraud", *map(str, arguments)])
    status = 0
    try:
        command.main()
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    written = capsys.readouterr()
    return Ran(status, written.out, written.err)


def fraud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str]:
    """Runs `fraud`: its exit status, and what it says on standard error, its lines joined."""
    done = ran(monkeypatch, capsys, *arguments)
    return done.status, " ".join(done.err.split())
