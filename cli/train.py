"""`fraud train`: a model from a file of features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import (
    Choosing,
    CostBlocked,
    CostMissedShare,
    CostReview,
    ParametersFile,
    ReviewHours,
    ReviewMinutes,
    ThresholdsBy,
    WithoutDominant,
    decimal,
    decision_costs,
    whole,
)
from cli.output import whole_folder
from cli.progress import console, progress
from cli.reports.evaluation import evaluation_report
from cli.reports.leaks import say_leakage
from cli.reports.told import written_evaluation
from cli.times import parse_moment
from cli.tracking import NoTracking, TrackingUri, tell_trained, tracked_command
from cli.tuning.parameters import given_parameters
from reading.errors import BadInputError
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.fitting import TrainingSettings, TrainingSettingsError
from sagemaker_src.training.split import default_test_from
from sagemaker_src.training.train import TrainingDataError, train_model

_DEFAULTS = TrainingSettings()


def train(
    features: Annotated[Path, typer.Option(help="features.parquet, as `fraud features` writes it.", metavar="FILE")],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    test_from: Annotated[
        str | None,
        typer.Option(
            help="Test on the rows from this time on, as 2020-03-01 or 2020-03-01T12:00:00 (UTC); default: the last fifth.",
            metavar="TIME",
        ),
    ] = None,
    label_delay_days: Annotated[
        float, decimal("How long a fraud takes to be reported, days; younger rows are not trained on.", 0, 3660)
    ] = _DEFAULTS.label_delay_days,
    review_fpr: Annotated[float, decimal("Share of honest rows that may be reviewed.", 0, 0.5)] = _DEFAULTS.review_fpr,
    block_fpr: Annotated[float, decimal("Share of honest rows that may be blocked.", 0, 0.5)] = _DEFAULTS.block_fpr,
    thresholds_by: ThresholdsBy = Choosing.SHARES,
    cost_missed_share: CostMissedShare = None,
    cost_review: CostReview = None,
    cost_blocked: CostBlocked = None,
    review_hours_a_day: ReviewHours = None,
    review_minutes: ReviewMinutes = None,
    rounds: Annotated[
        int | None, whole(f"How many trees; default: {_DEFAULTS.rounds}, or what --parameters says.", 1, 5000)
    ] = None,
    parameters: ParametersFile = None,
    without_dominant: WithoutDominant = False,
    seed: Annotated[int, whole("Of the sampling of honest rows.", 0, 2**32 - 1)] = _DEFAULTS.seed,
    tracking_uri: TrackingUri = None,
    no_tracking: NoTracking = False,
) -> None:
    """Train a model on features and choose its thresholds for review and block.

    Writes model.ubj, manifest.json, scores.parquet (of the test rows), evaluation.json and report.html. What decisions cost is
    counted in the evaluation, whatever the thresholds are chosen by.

    Example: fraud train --features out/features/features.parquet --test-from 2020-03-01 --out out/model

    Example: fraud train --features features.parquet --thresholds-by costs --cost-review 4 --review-hours-a-day 8 --out out/model
    """
    costs = decision_costs(
        {
            "cost_missed_share": cost_missed_share,
            "cost_review": cost_review,
            "cost_blocked": cost_blocked,
            "review_hours_a_day": review_hours_a_day,
            "review_minutes": review_minutes,
        }
    )
    chosen: dict[str, Any] = given_parameters(parameters)
    if rounds is not None and "rounds" in chosen:
        raise BadInputError(f"--rounds: {parameters} says how many; leave one of the two out")
    if rounds is not None:
        chosen["rounds"] = rounds
    try:
        settings = TrainingSettings(
            label_delay_days=label_delay_days, review_fpr=review_fpr, block_fpr=block_fpr, seed=seed, **chosen
        )
    except TrainingSettingsError as error:
        raise BadInputError(str(error)) from error
    moment = None if test_from is None else parse_moment("--test-from", test_from)
    try:
        rows = read_feature_rows(features)
    except FeatureRowsError as error:
        raise BadInputError(f"--features: {error}") from error
    if moment is None:
        moment = default_test_from(rows["event_ms"].to_numpy())
    with (
        tracked_command("train", out, tracking_uri, off=no_tracking) as run,
        whole_folder(out, "train") as folder,
        progress() as report,
    ):
        try:
            trained = train_model(
                rows,
                settings,
                test_from_ms=moment,
                without_dominant=without_dominant,
                costs=costs if thresholds_by is Choosing.COSTS else None,
                progress=report,
            )
        except TrainingDataError as error:
            raise BadInputError(f"{features}: {error}") from error
        trained.save(folder)
        trained.save_scores(folder)
        told = written_evaluation(folder, trained, rows, costs, report)
        evaluation_report(folder / "report.html", trained, features.name, "as the features have them", told=told)
        tell_trained(run, trained, folder, test_from_ms=moment, features=features.name)
    thresholds = trained.manifest["thresholds"]
    precision = trained.manifest["metrics"]["test"]["average_precision"]
    console.print(
        f"Average precision {precision:.4f} on the test; "
        f"review from {thresholds['review']:.4g}, block from {thresholds['block']:.4g}"
    )
    console.print(
        f"Wrote {out}/model.ubj, manifest.json, scores.parquet, evaluation.json and report.html", soft_wrap=True
    )
    say_leakage(trained)
