"""`fraud train`: a model from a file of features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import pyarrow as pa
import typer

from cli.errors import BadInputError
from cli.output import whole_folder
from cli.progress import console, progress
from cli.report.evaluation import evaluation_report
from cli.times import parse_time
from sagemaker_src.training.train import (
    ROW_COLUMNS,
    TrainingDataError,
    TrainingSettings,
    default_test_from,
    train_model,
)

_DEFAULTS = TrainingSettings()


def train(
    features: Annotated[Path, typer.Option(help="features.parquet, as `fraud features` writes it.", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    test_from: Annotated[
        str | None,
        typer.Option(help="Test on the rows from this time on, UTC; default: the last fifth.", metavar="TIME"),
    ] = None,
    label_delay_days: Annotated[
        float, typer.Option(min=0, help="How long a fraud takes to be reported; younger rows are not trained on.")
    ] = _DEFAULTS.label_delay_days,
    review_fpr: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of honest rows that may be reviewed.")
    ] = _DEFAULTS.review_fpr,
    block_fpr: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of honest rows that may be blocked.")
    ] = _DEFAULTS.block_fpr,
    rounds: Annotated[int, typer.Option(min=1, max=5000, help="How many trees.")] = _DEFAULTS.rounds,
    seed: Annotated[int, typer.Option(help="Of the sampling of honest rows.")] = _DEFAULTS.seed,
) -> None:
    """Train a model on features and choose its thresholds for review and block.

    Writes model.ubj, manifest.json and report.html.

    Example: fraud train --features out/features/features.parquet --test-from 2020-03-01 --out out/model
    """
    if block_fpr > review_fpr:
        raise BadInputError(
            f"--block-fpr: {block_fpr} is over --review-fpr, {review_fpr}; blocked ones are part of both"
        )
    rows = _read(features)
    moment = (
        default_test_from(rows["event_ms"].to_numpy()) if test_from is None else parse_time("--test-from", test_from)
    )
    settings = TrainingSettings(
        rounds=rounds, label_delay_days=label_delay_days, review_fpr=review_fpr, block_fpr=block_fpr, seed=seed
    )
    with whole_folder(out) as folder, progress() as report:
        try:
            trained = train_model(rows, settings, test_from_ms=moment, progress=report)
        except TrainingDataError as error:
            raise BadInputError(f"{features}: {error}") from error
        trained.save(folder)
        evaluation_report(folder / "report.html", trained, features.name)
    thresholds = trained.manifest["thresholds"]
    precision = trained.manifest["metrics"]["test"]["average_precision"]
    console.print(
        f"Average precision {precision:.4f} on the test; "
        f"review from {thresholds['review']:.4g}, block from {thresholds['block']:.4g}"
    )
    console.print(f"Wrote {out}/model.ubj, manifest.json and report.html")


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise BadInputError(f"--features: {path}: there is no such file")
    try:
        rows = pd.read_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInputError(f"--features: {path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    missing = [column for column in ROW_COLUMNS if column not in rows]
    if missing:
        raise BadInputError(
            f"--features: {path}: the column {', '.join(missing)} is missing; `fraud features` writes them"
        )
    if rows.empty:
        raise BadInputError(f"--features: {path}: the file holds no rows")
    return rows
