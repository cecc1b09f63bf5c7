"""The nightly features of a past, filled by the template's nightly machine."""

from __future__ import annotations

import datetime
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engines.processes import Process, ProcessError
from local.application import Application
from local.replayer import DAY_MS
from local.rows import split_by_time
from local.screen import Screen
from local.synthesis import ROOT

NIGHTS_TIMEOUT_S = 450


def start_nightly(application: Application, history: pa.Table, from_ms: int, temporary: Path, screen: Screen) -> str:
    """Puts the sums of the nights before and the last two days where the machine looks, and starts it for a cut.

    Args:
        history: rows before the cut.
        from_ms: the cut, 00:00 UTC of a day.

    Returns:
        The execution's ARN.

    Raises:
        ProcessError: the nights before could not be computed.
    """
    screen.progress("the nights before", 0, 1)
    sums = nights_before(history, from_ms, temporary)
    screen.progress("nightly features", 0, 1)
    return start_nightly_on(application, history, from_ms, sums)


def start_nightly_on(application: Application, history: pa.Table, from_ms: int, sums: Mapping[str, bytes]) -> str:
    """The same, with the sums of the nights before at hand.

    Args:
        sums: as `nights_before` gives them.
    """
    for path, content in sums.items():
        application.put("CuratedBucket", f"daily/{path}", content)
    earlier, last = split_by_time(history.drop_columns("is_fraud"), from_ms - DAY_MS)
    day_before = split_by_time(earlier, from_ms - 2 * DAY_MS)[1]
    for begins_ms, rows in ((from_ms - DAY_MS, last), (from_ms - 2 * DAY_MS, day_before)):
        application.put("ArchiveBucket", f"transactions/day={_day(begins_ms)}/history.parquet", parquet(rows))
    return application.start("NightlyStateMachine", {"cut": str(_day(from_ms))})


def nights_before(history: pa.Table, from_ms: int, temporary: Path) -> dict[str, bytes]:
    """The sums that all nights before a cut's own have left, by the nightly program itself over all their days: {path: file}.

    Args:
        history: rows before the cut.
        from_ms: the cut, 00:00 UTC of a day.

    Raises:
        ProcessError: they could not be computed.
    """
    earlier = split_by_time(history.drop_columns("is_fraud"), from_ms - DAY_MS)[0]
    folders = {name: temporary / "nights" / name for name in ("transactions", "daily", "training")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    (folders["transactions"] / "history.parquet").write_bytes(parquet(earlier))
    given: list[str | Path] = [part for name in ("transactions", "daily") for part in (f"--{name}", folders[name])]
    written: list[str | Path] = ["--daily-out", folders["daily"], "--training-out", folders["training"]]
    program = [sys.executable, "-m", "sagemaker_src.processing.nightly"]
    argv: list[str | Path] = [*program, "--cut", str(_day(from_ms - DAY_MS)), *given, *written]
    process = Process("the nights before", argv, {"PYTHONPATH": str(ROOT)}, log_path=temporary / "nights.log")
    process.start()
    try:
        if process.wait(NIGHTS_TIMEOUT_S):
            raise ProcessError(f"the nights before were not computed:\n{process.log_tail()}")
    finally:
        process.kill()
    kept = folders["daily"]
    return {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*.parquet")}


def _day(begins_ms: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(begins_ms / 1000, datetime.timezone.utc).date()


def parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
