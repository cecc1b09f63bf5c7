"""What a past becomes through the stacks: nightly features by the template's nightly machine, a model by its training machine."""

from __future__ import annotations

import datetime
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emulator.sagemaker.containers import extract
from engines.processes import Process, ProcessError
from local.application import Application, ApplicationError
from local.decided_day import Screen
from local.stream_run import DAY_MS, split_by_time
from local.synthesis import ROOT

NIGHTS_TIMEOUT_S = 450


def train(
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
    if "New champion" not in application.steps(training):
        raise ApplicationError(f"the model did not take over the endpoint: {json.dumps(verdict)[:500]}")
    run = verdict["run"]
    (folder / "features.parquet").write_bytes(application.get("CuratedBucket", f"training-sets/{run}/features.parquet"))
    (archive,) = [key for key in application.keys("ModelsBucket", "models/") if key.endswith("model.tar.gz")]
    extract(application.get("ModelsBucket", archive), folder / "model")
    return dict(json.loads(application.get("ModelsBucket", f"evaluations/{run}/evaluation.json")))


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
        if process.wait(NIGHTS_TIMEOUT_S):
            raise ProcessError(f"the nights before were not computed:\n{process.log_tail()}")
    finally:
        process.kill()
    kept = folders["daily"]
    return {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*.parquet")}


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
