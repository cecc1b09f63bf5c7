"""`fraud evaluate --prequential`: a model trained on what was known at a day, tested on what followed, period by period."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cli.feature_frame import feature_frame
from cli.output import check_folder, whole_folder
from cli.progress import console, progress
from cli.reports.prequential import prequential_report
from cli.times import day_of
from cli.tracking import tell_over_time, tracked_command
from cli.work_folder import stopped_kindly, work_folder
from fraud.durations import MS_PER_DAY
from reading.errors import BadInputError
from reading.transactions import Reading
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.prequential import Period, periods, prequential
from sagemaker_src.training.train import TrainingDataError

COMMAND = "evaluate"
EVERY_DAYS, DELAY_DAYS = 7, 7.0


def evaluate_over_time(
    data: Path,
    out: Path,
    reading: Reading,
    *,
    from_ms: int | None,
    every_days: int,
    label_delay_days: float,
    parameters: Mapping[str, Any],
    seed: int,
    tracking_uri: str | None = None,
    no_tracking: bool = False,
) -> None:
    """Train at the begin of each period, test on it, and write how well it went and how a model of the first one ages.

    Args:
        data: the transactions.
        out: the folder to write.
        reading: how the file is read.
        from_ms: when the first period begins, milliseconds since 1970; None: the day by which half of the rows have come.
        every_days: how long a period is.
        label_delay_days: how long a label takes to come.
        parameters: how the trees are fitted, where it is not by default.
        seed: of the sampling.
        tracking_uri, no_tracking: where the run is kept.

    Raises:
        BadInputError: the file cannot be read, or no period can be trained for and tested.
    """
    settings = TrainingSettings(label_delay_days=label_delay_days, seed=seed, **parameters)
    check_folder(out, COMMAND)
    with (
        tracked_command(f"{COMMAND} --prequential", out, tracking_uri, off=no_tracking) as run,
        progress() as report,
        stopped_kindly(out, COMMAND, "the periods that are done"),
    ):
        rows, times = feature_frame(data, report, reading)
        event_ms = rows["event_ms"].to_numpy()
        begin = int(np.median(event_ms)) // MS_PER_DAY * MS_PER_DAY if from_ms is None else from_ms
        of = periods(event_ms, begin, every_days, label_delay_days)
        _check_begin(data, event_ms, begin)
        with work_folder(out, _asked(rows, of, settings), COMMAND) as work:
            if work.dropped:
                console.print(
                    "Starting anew: the run that was stopped had other data, options or programs", markup=False
                )
            if work.resumed and any(work.checkpoints.iterdir()):
                there = len(list(work.checkpoints.glob("period-*.json")))
                console.print(f"Going on: {there} of {len(of)} periods are done", markup=False)
            try:
                told, scores = prequential(rows, settings, of, work.checkpoints, report)
            except TrainingDataError as error:
                raise BadInputError(f"{data}: {error}") from error
            with whole_folder(out, COMMAND) as folder:
                _write(folder, told, scores, settings, data.name, times, every_days)
                tell_over_time(run, told, settings, folder, data=data.name, from_ms=begin, every_days=every_days)
    _say(told, out)


def _check_begin(data: Path, event_ms: Any, begin: int) -> None:
    first, last = int(event_ms.min()), int(event_ms.max())
    if not first < begin <= last:
        raise BadInputError(
            f"--test-from: no rows on one side of it; {data} runs from {day_of(first)} to {day_of(last)} (UTC)"
        )


def _asked(rows: pd.DataFrame, of: list[Period], settings: TrainingSettings) -> dict[str, Any]:
    """All that the figures depend on, as JSON has it. Card tokens are another each time, and mean the same."""
    ordered = rows.drop(columns="cc_num").sort_values(["event_ms", "transaction_id"])
    content = hashlib.sha256(pd.util.hash_pandas_object(ordered, index=False).to_numpy().tobytes()).hexdigest()
    programs = {name: version(name) for name in ("xgboost", "scikit-learn")}
    return {"data": content, "periods": [list(each) for each in of], "settings": vars(settings), "programs": programs}


def _write(
    folder: Path,
    told: dict[str, Any],
    scores: pd.DataFrame,
    settings: TrainingSettings,
    file: str,
    times: str,
    every_days: int,
) -> None:
    said = {"label_delay_days": settings.label_delay_days, "every_days": every_days, "settings": vars(settings), **told}
    (folder / "prequential.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    scores.to_parquet(folder / "scores.parquet", index=False)
    days = "day" if every_days == 1 else f"{every_days} days"
    prequential_report(
        folder / "report.html",
        told,
        f"{file}: every {days} a model is trained on what was known then, and tested on the {days} that follow. A label is known "
        f"{settings.label_delay_days:g} days after its transaction. Beside it the model of the first period, as it was.",
        [
            ("Label delay", f"{settings.label_delay_days:g} days"),
            ("Trees", f"{settings.rounds}, depth {settings.max_depth}, eta {settings.eta}"),
            ("Times", f"UTC; {times}"),
        ],
    )


def _say(told: dict[str, Any], out: Path) -> None:
    def figure(of: dict[str, float | None], sign: str = "") -> str:
        if of["value"] is None:
            return "-"
        return f"{of['value']:{sign}.4f} ({of['low']:{sign}.4f} to {of['high']:{sign}.4f})"

    together = told["together"]
    console.print(f"\n{len(told['periods'])} periods, {together['rows']:,} transactions, {together['frauds']:,} frauds")
    for arm, says in (("retrained", "fitted anew each period"), ("static", "fitted once")):
        console.print(f"  average precision, {says:<24} {figure(together[arm]['average_precision'])}")
    console.print(f"  {'what fitting anew gains':<43} {figure(together['difference']['average_precision'], '+')}")
    console.print(f"Wrote {out}/prequential.json, scores.parquet and report.html", markup=False, soft_wrap=True)
