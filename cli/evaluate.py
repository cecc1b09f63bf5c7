"""`fraud evaluate`: how well a model does on a person's own file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from cli.evaluate_over_time import DELAY_DAYS, EVERY_DAYS, evaluate_over_time
from cli.evaluate_table import evaluate_table
from cli.feature_frame import frame_and_protected
from cli.options import (
    Choosing,
    Columns,
    CostBlocked,
    CostMissedShare,
    CostReview,
    Encoding,
    ParametersFile,
    ReviewHours,
    ReviewMinutes,
    ThresholdsBy,
    Timezone,
    TransactionsFile,
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
from fraud.fields import PROTECTED_FIELDS, Field
from reading.errors import BadInputError
from reading.transactions import checked_reading
from sagemaker_src.training.fairness import Group, by_group, group_names
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.split import default_test_from
from sagemaker_src.training.train import Trained, TrainingDataError, train_model


def evaluate(
    data: TransactionsFile,
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    test_data: Annotated[
        Path | None, typer.Option(help="Train on all of --data and test on this file of other cards.", metavar="FILE")
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(
            help="Train on the rows before this time and test on those from it on, as 2020-03-01 or 2020-03-01T12:00:00 "
            "(UTC); default: the last fifth.",
            metavar="TIME",
        ),
    ] = None,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = "kaggle",
    label: Annotated[
        str | None,
        typer.Option(
            help="Of a table without cards or times: the column that says what is fraud. All others are its features.",
            metavar="COLUMN",
        ),
    ] = None,
    positive: Annotated[str, typer.Option(help="With --label: what stands there in a fraud.", metavar="VALUE")] = "1",
    order_by: Annotated[
        str | None,
        typer.Option(
            help="With --label: the column by whose order the last fifth is tested on; it is no feature. Default: a fifth "
            "that is drawn by the seed.",
            metavar="COLUMN",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="With --label: a column that is no feature; may be repeated.", metavar="COLUMN"),
    ] = None,
    thresholds_by: ThresholdsBy = Choosing.SHARES,
    cost_missed_share: CostMissedShare = None,
    cost_review: CostReview = None,
    cost_blocked: CostBlocked = None,
    review_hours_a_day: ReviewHours = None,
    review_minutes: ReviewMinutes = None,
    prequential: Annotated[
        bool,
        typer.Option(
            "--prequential",
            help="Over time: train anew every --every-days on the labels known by then, and test on what follows, from "
            "--test-from on (default: the day by which half of the rows have come).",
        ),
    ] = False,
    every_days: Annotated[
        int | None, whole(f"With --prequential: how long a period is, days; default: {EVERY_DAYS}.", 1, 366)
    ] = None,
    label_delay_days: Annotated[
        float | None,
        decimal(f"With --prequential: how long a label takes to come, days; default: {DELAY_DAYS:g}.", 0, 3660),
    ] = None,
    parameters: ParametersFile = None,
    without_dominant: WithoutDominant = False,
    seed: Annotated[int, whole("Of the sampling of honest rows.", 0, 2**32 - 1)] = 1,
    tracking_uri: TrackingUri = None,
    no_tracking: NoTracking = False,
) -> None:
    """Train on a file's earlier rows, test on its later ones, and say how well it went.

    Writes metrics.json, evaluation.json, scores.parquet, model/ and report.html. What decisions cost is counted in the
    evaluation, whatever the thresholds are chosen by. Card numbers become tokens as the file is read and are written nowhere;
    gender, age, names and addresses never enter the model. Of a field that is declared as protected, metrics.json and
    report.html show what the thresholds do to its groups.

    With --prequential: how a model does over time, when it is trained anew each period and when it is not, as
    prequential.json, scores.parquet and report.html. Stopped with Ctrl-C or killed, the same command goes on (kept beside
    --out, as .evaluation-evaluate).

    Example: fraud evaluate --data fraudTrain.csv --test-from 2020-03-01 --out out/evaluation

    Example: fraud evaluate --data caixa.csv --encoding windows-1252 --timezone America/Sao_Paulo --out out/evaluation

    Example: fraud evaluate --data card_transaction.v1.csv --columns tabformer --out out/evaluation

    Example: fraud evaluate --data creditcard.csv --label Class --order-by Time --out out/evaluation

    Example: fraud evaluate --prequential --data fraudTrain.csv --test-from 2019-10-01 --out out/over-time
    """
    chosen: dict[str, Any] = given_parameters(parameters)
    given_costs = {
        "cost_missed_share": cost_missed_share,
        "cost_review": cost_review,
        "cost_blocked": cost_blocked,
        "review_hours_a_day": review_hours_a_day,
        "review_minutes": review_minutes,
    }
    costly: dict[str, object] = {f"--{name.replace('_', '-')}": value for name, value in given_costs.items()}
    costly["--thresholds-by"] = None if thresholds_by is Choosing.SHARES else thresholds_by
    if prequential:
        no_use: dict[str, object] = {
            "--label": label,
            "--test-data": test_data,
            "--without-dominant": without_dominant,
            "--order-by": order_by,
            "--without": without,
            **costly,
        }
        _refuse(no_use, "not with --prequential, which chooses no thresholds and has a test of its own")
        evaluate_over_time(
            data,
            out,
            checked_reading(encoding, timezone, columns),
            from_ms=None if test_from is None else parse_moment("--test-from", test_from),
            every_days=EVERY_DAYS if every_days is None else every_days,
            label_delay_days=DELAY_DAYS if label_delay_days is None else label_delay_days,
            parameters=chosen,
            seed=seed,
            tracking_uri=tracking_uri,
            no_tracking=no_tracking,
        )
        return
    _refuse({"--every-days": every_days, "--label-delay-days": label_delay_days}, "only with --prequential")
    if label is not None:
        others: dict[str, object] = {
            "--test-data": test_data,
            "--test-from": test_from,
            "--timezone": timezone,
            **costly,
        }
        others["--columns"] = None if columns == "kaggle" else columns
        _refuse(others, "not with --label; allowed with it: --positive, --order-by, --without")
        evaluate_table(
            data,
            out,
            label=label,
            positive=positive,
            order_by=order_by,
            without=without or (),
            encoding=encoding,
            parameters=chosen,
            without_dominant=without_dominant,
            seed=seed,
            tracking_uri=tracking_uri,
            no_tracking=no_tracking,
        )
        return
    if order_by is not None or without:
        raise BadInputError("--order-by, --without: only with --label, which names the label of a table without cards")
    costs = decision_costs(given_costs)
    if test_data is not None and test_from is not None:
        raise BadInputError("--test-from and --test-data: name one of them; --test-data tests on the whole of its file")
    moment = None if test_from is None else parse_moment("--test-from", test_from)
    reading = checked_reading(encoding, timezone, columns)
    with (
        tracked_command("evaluate", out, tracking_uri, off=no_tracking) as run,
        whole_folder(out, "evaluate") as folder,
        progress() as report,
    ):
        rows, times, protected = frame_and_protected(data, report, reading)
        tested, tested_times = None, times
        if test_data is not None:
            tested, tested_times, protected = frame_and_protected(test_data, report, reading)
        if tested is None and moment is None:
            moment = default_test_from(rows["event_ms"].to_numpy())
        if tested is None:
            _check_split(data, rows, moment)
        settings = TrainingSettings(label_delay_days=0, seed=seed, **chosen)
        try:
            trained = train_model(
                rows,
                settings,
                test_from_ms=moment,
                test_rows=tested,
                without_dominant=without_dominant,
                costs=costs if thresholds_by is Choosing.COSTS else None,
                progress=report,
            )
        except TrainingDataError as error:
            raise BadInputError(
                f"{test_data if tested is not None and str(error).startswith('the test') else data}: {error}"
            ) from error
        metrics = trained.manifest["metrics"]["test"]
        groups = _fairness(trained, protected)
        (folder / "metrics.json").write_text(json.dumps(metrics | _told(groups), indent=2) + "\n")
        trained.save_scores(folder)
        trained.save(folder / "model")
        split = (
            f", tested on {test_data.name}" if test_data else ": trained on what came before, tested on what came after"
        )
        files = f"{data.name}{split}"
        said = (
            times if times == tested_times else f"{data.name}: {times}; {test_data and test_data.name}: {tested_times}"
        )
        told = written_evaluation(
            folder, trained, rows if tested is None else tested, costs, report, other_cards=tested is not None
        )
        evaluation_report(folder / "report.html", trained, files, said, groups, told=told)
        tested_on = None if test_data is None else test_data.name
        tell_trained(run, trained, folder, test_from_ms=moment, data=data.name, test_data=tested_on)
    _say(metrics, said, out)
    say_leakage(trained)


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Refuses an option that was given where it means nothing."""
    if named := [option for option, value in given.items() if value is not None and value is not False]:
        raise BadInputError(f"{named[0]}: {why}")


def _check_split(data: Path, rows: pd.DataFrame, moment: int | None) -> None:
    first, last = int(rows["event_ms"].min()), int(rows["event_ms"].max())
    if moment is None or not first < moment <= last:
        span = " to ".join(f"{pd.Timestamp(edge, unit='ms'):%Y-%m-%d %H:%M}" for edge in (first, last))
        raise BadInputError(f"--test-from: no rows on one side of it; {data} runs from {span} (UTC)")


def _fairness(trained: Trained, protected: pd.DataFrame) -> dict[Field, list[Group]]:
    """The figures of the groups of those protected fields that the tested file has."""
    tested = protected.loc[trained.scores["transaction_id"]]
    label, score = trained.scores["is_fraud"].to_numpy(), trained.scores["score"].to_numpy()
    thresholds = trained.manifest["thresholds"]
    return {
        field: by_group(label, score, group_names(field, tested[field.name].reset_index(drop=True)), thresholds)
        for field in PROTECTED_FIELDS
        if field.name in tested
    }


def _told(groups: dict[Field, list[Group]]) -> dict[str, Any]:
    """The figures as metrics.json has them: `fairness`, where there are any."""
    rates = ("false_positive_rate", "recall", "review_rate")
    told = {
        field.name: [
            group._asdict()
            | {name: getattr(group, name)._asdict() | {"few": getattr(group, name).few} for name in rates}
            for group in of_field
        ]
        for field, of_field in groups.items()
    }
    return {"fairness": told} if told else {}


def _say(metrics: dict[str, Any], times: str, out: Path) -> None:
    def figure(name: str) -> str:
        value, honest_world = metrics[name], metrics["without_fraud_only_cards"][name]
        return "  ".join("    -" if number is None else f"{number:.4f}" for number in (value, honest_world))

    tested = f"\nTested on {metrics['rows']:,} transactions, {metrics['frauds']:,} of them fraud; {times}"
    console.print(tested, markup=False, soft_wrap=True)
    console.print(f"  {'':32}   all  without cards that have only fraud")
    for name in (
        "average_precision",
        "roc_auc",
        "recall_at_fpr_0.001",
        "recall_at_fpr_0.01",
        "first_fraud_recall_at_fpr_0.001",
    ):
        console.print(f"  {name:<32} {figure(name)}")
    console.print(f"Wrote {out}/metrics.json, evaluation.json, scores.parquet, model/ and report.html", soft_wrap=True)
