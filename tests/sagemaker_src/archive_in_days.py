"""An archive in folders of days, as the functions write it: rows by when they happened, labels by when they became known."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from fraud.label import Label
from lambda_src.record_labels.rows import LABELS, label_row
from tests.sagemaker_src.test_labelled_set import Archive, moment
from tests.sagemaker_src.test_nightly import DAY_MS, write

KINDS = ("transactions", "decisions", "labels")
T = TypeVar("T")


def day_folder(folder: Path, ms: int) -> Path:
    """The folder of a day, there."""
    found = folder / f"day={date(1970, 1, 1) + timedelta(days=ms // DAY_MS)}"
    found.mkdir(parents=True, exist_ok=True)
    return found


def spoil(folder: Path, days: Iterable[int]) -> None:
    """What no reader can read, in each part of an archive on some days, counted from 1970."""
    for kind in KINDS:
        for day in days:
            (day_folder(folder / kind, day * DAY_MS) / "spoilt.parquet").write_bytes(b"no Parquet")


class InDays(Archive):
    """Each part in folders of days."""

    def write(self) -> None:
        for kind in KINDS:
            shutil.rmtree(self.folder / kind, ignore_errors=True)
            (self.folder / kind).mkdir()
        for day, rows in _days(self.transactions, lambda row: row["event_ms"]).items():
            write(day_folder(self.folder / "transactions", day * DAY_MS), rows)
            decided = [
                {"transaction_id": row["transaction_id"], "outcome": outcome, "decided_at": moment(row["event_ms"] + 7)}
                for row in rows
                if (outcome := self.outcomes[row["transaction_id"]])
            ]
            if decided:
                into = day_folder(self.folder / "decisions", day * DAY_MS)
                pq.write_table(pa.Table.from_pylist(decided), into / "part.parquet")
        self.write_labels("first", self.labels)

    def write_labels(self, name: str, labels: list[tuple[Label, int]]) -> None:
        for day, of_day in _days(labels, lambda each: each[0].known_ms).items():
            table = pa.Table.from_pylist([label_row(one, recorded) for one, recorded in of_day], LABELS)
            pq.write_table(table, day_folder(self.folder / "labels", day * DAY_MS) / f"{name}.parquet")


def _days(given: Iterable[T], ms: Callable[[T], Any]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = defaultdict(list)
    for each in given:
        found[ms(each) // DAY_MS].append(each)
    return found
