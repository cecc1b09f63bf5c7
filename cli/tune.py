"""`fraud tune`: the parameters that train the best model, found on rows before the test."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import decimal, whole
from cli.output import check_folder, whole_folder
from cli.progress import Report, console, progress
from cli.reports.tuning import families_report, tuning_report
from cli.times import parse_moment
from cli.tracking import NoTracking, TrackingUri, tell_families, tell_tuned, tracked_command
from cli.tuning.study import FILE as STUDY
from cli.tuning.study import Study, TrialRow, best_of
from cli.work_folder import stopped_kindly, work_folder
from fraud.search_space import FILE, SPACE, as_setting, parameter_ranges, write_parameters
from reading.errors import BadInputError
from sagemaker_src.tracking.run import Run
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.split import default_test_from
from sagemaker_src.training.train import TrainingDataError
from sagemaker_src.tuning.families import FAMILIES, compare
from sagemaker_src.tuning.judging import Parts, defaults, judged, parts_before

_COMMAND = "tune"
_SAID = "tuning.json"


def tune(
    features: Annotated[Path, typer.Option(help="features.parquet, as `fraud features` writes it.", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    test_from: Annotated[
        str | None,
        typer.Option(
            help="Rows from this time on (UTC) are the test, and never looked at; default: the last fifth.",
            metavar="TIME",
        ),
    ] = None,
    label_delay_days: Annotated[
        float, decimal("How long a fraud takes to be reported, days.", 0, 3660)
    ] = TrainingSettings.label_delay_days,
    trials: Annotated[int, whole("How many sets of parameters to try, those of before among them.", 1, 10_000)] = 30,
    workers: Annotated[
        int, whole("How many at once; with 1, the same seed gives the same study, stopped in between or not.", 1, 64)
    ] = 1,
    without_pruning: Annotated[
        bool, typer.Option("--without-pruning", help="Run each trial to its end, also one that looks hopeless.")
    ] = False,
    families: Annotated[
        bool,
        typer.Option(
            "--families", help="Tune nothing: compare other families of models with the trees, on the same rows."
        ),
    ] = False,
    seed: Annotated[int, whole("Of what is proposed, and of the sampling of honest rows.", 0, 2**32 - 1)] = 1,
    tracking_uri: TrackingUri = None,
    no_tracking: NoTracking = False,
) -> None:
    """Find the parameters that train the best model, or compare families of models, on rows before the test.

    Each trial is fitted on the earlier rows and judged by its average precision on the later ones, a label delay apart. What
    training does by default is the first trial. Writes parameters.json, which `fraud train` and `fraud evaluate` take as
    --parameters, study.db (Optuna's), tuning.json and report.html; with --families, families.json and report.html.

    Stopped with Ctrl-C or killed, the same command goes on, also with more --trials (kept beside --out, as .tuning-tune); one
    that has finished goes on from what it wrote.

    Example: fraud tune --features out/features/features.parquet --test-from 2020-03-01 --trials 40 --out out/tuning

    Example: fraud tune --features out/features/features.parquet --families --out out/families
    """
    settings = TrainingSettings(label_delay_days=label_delay_days, seed=seed)
    check_folder(out, _COMMAND)
    parts = _parts(features, None if test_from is None else parse_moment("--test-from", test_from), settings)
    if families:
        with tracked_command(f"{_COMMAND} --families", out, tracking_uri, off=no_tracking) as run:
            _compare(parts, settings, out, features, run)
        return
    asked = {**_asked(features, parts, settings), "pruned": not without_pruning}
    with (
        tracked_command(_COMMAND, out, tracking_uri, off=no_tracking) as run,
        progress() as report,
        stopped_kindly(out, _COMMAND, "the trials that have ended"),
        work_folder(out, asked, _COMMAND) as work,
    ):
        if work.dropped:
            console.print("Starting anew: the study that was stopped had other data, options or programs", markup=False)
        path = work.checkpoints / STUDY
        if not work.resumed and _finished(out) == asked:
            shutil.copyfile(out / STUDY, path)
        rows = _studied(path, parts, settings, report, trials, workers, pruned=not without_pruning)
        with whole_folder(out, _COMMAND) as folder:
            shutil.copyfile(path, folder / STUDY)
            _write(folder, rows, asked, parts, features.name)
            tell_tuned(run, rows, asked, folder)
    _say(rows, out)


def _parts(features: Path, test_from_ms: int | None, settings: TrainingSettings) -> Parts:
    try:
        rows = read_feature_rows(features)
        moment = default_test_from(rows["event_ms"].to_numpy()) if test_from_ms is None else test_from_ms
        return parts_before(rows, settings, moment)
    except FeatureRowsError as error:
        raise BadInputError(f"--features: {error}") from error
    except TrainingDataError as error:
        raise BadInputError(f"{features}: {error}") from error


def _asked(features: Path, parts: Parts, settings: TrainingSettings) -> dict[str, Any]:
    """All that a trial's value depends on, as JSON has it."""
    content = hashlib.sha256()
    for file in sorted(features.rglob("*.parquet")) if features.is_dir() else [features]:
        content.update(file.read_bytes())
    programs = {name: version(name) for name in ("optuna", "xgboost", "scikit-learn")}
    given = {"data": content.hexdigest(), "parts": parts.said, "space": parameter_ranges(), "seed": settings.seed}
    return {**given, "features": list(parts.takes.names), "honest_rows": settings.honest_rows, "programs": programs}


def _finished(out: Path) -> dict[str, Any] | None:
    """What the study that stands in a folder was asked; None: there is none."""
    try:
        asked: dict[str, Any] = json.loads((out / _SAID).read_text(encoding="utf-8"))["asked"]
    except (OSError, ValueError, KeyError):
        return None
    return asked if (out / STUDY).is_file() else None


def _studied(
    path: Path,
    parts: Parts,
    settings: TrainingSettings,
    report: Report,
    trials: int,
    workers: int,
    *,
    pruned: bool,
) -> list[TrialRow]:
    first = defaults(settings, tuple(each.name for each in SPACE))
    study = Study(path, first, seed=settings.seed, pruned=pruned, workers=workers)
    if begun := len(study.rows()):
        console.print(f"Going on: {begun} trials of this study have ended", markup=False)
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    judge = partial(judged, parts)
    study.run(lambda parameters, watch, trees: judge(parameters, settings, watch, trees, threads), trials, report)
    return study.rows()


def _write(folder: Path, rows: list[TrialRow], asked: dict[str, Any], parts: Parts, file: str) -> None:
    best = best_of(rows)
    write_parameters(folder / FILE, best.parameters)
    said = {
        "best": {"trial": best.number, "average_precision": best.value},
        "defaults": {"trial": rows[0].number, "average_precision": rows[0].value},
        "trials": [row._asdict() for row in rows],
        "asked": asked,
    }
    (folder / _SAID).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    tuning_report(folder / "report.html", rows, parts.said, file)


def _say(rows: list[TrialRow], out: Path) -> None:
    best, early = best_of(rows), sum(row.ended_early for row in rows)
    console.print(
        f"Best of {len(rows)} trials, {early} of them ended early: number {best.number}, average precision {best.value:.4f} on "
        f"the judged rows; training's defaults {rows[0].value:.4f}",
        soft_wrap=True,
    )
    console.print(f"Wrote {out}/{FILE}, {STUDY}, {_SAID} and report.html; next:", markup=False, soft_wrap=True)
    console.print(f"  fraud train --parameters {out}/{FILE} ...", markup=False, soft_wrap=True)
    console.print(
        "To train with them in AWS, as the context of a deployment or in cdk.json:", markup=False, soft_wrap=True
    )
    setting = as_setting(best.parameters)
    console.print(
        f"  npx cdk deploy -c 'training_parameters={setting}' ...", markup=False, highlight=False, soft_wrap=True
    )


def _compare(parts: Parts, settings: TrainingSettings, out: Path, features: Path, run: Run) -> None:
    threads = len(os.sched_getaffinity(0))
    with whole_folder(out, _COMMAND) as folder, progress() as report:
        compared = []
        report("comparing families", 0, len(FAMILIES))
        for each in compare(parts, settings, threads):
            compared.append(each)
            report("comparing families", len(compared), len(FAMILIES))
        said = {"families": [each._asdict() for each in compared], "parts": parts.said}
        (folder / "families.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        families_report(folder / "report.html", compared, parts.said, features.name)
        tell_families(run, compared, parts.said, folder)
    for each in compared:
        console.print(
            f"  {each.family:<22} average precision {each.average_precision:.4f}, recall at .1% {each.recall:.4f}, "
            f"fitted in {each.fit_s:.1f} s, {each.score_us:.1f} us a row, {each.size / 1e6:.2f} MB",
            soft_wrap=True,
        )
    console.print(f"Wrote {out}/families.json and report.html", markup=False, soft_wrap=True)
