"""`fraud evaluate --label`: a table without cards or times, its own columns the features."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cli.output import whole_folder
from cli.plain_table import refuse_numbers_as_text
from cli.progress import console, progress
from cli.reports.evaluation import table_report
from cli.reports.leaks import say_leakage
from cli.reports.measures import MEASURES
from cli.synthesize.inputs import rows_of, said_of
from cli.tracking import tell_trained, tracked_command
from reading.errors import BadInputError
from reading.text import checked_encoding
from sagemaker_src.synthesis.table import labelled
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.table import TEST_SHARE, Table, train_table, usable
from sagemaker_src.training.train import TrainingDataError

_NOT_IN_NAMES = "[]<"


def evaluate_table(
    data: Path,
    out: Path,
    *,
    label: str,
    positive: str,
    order_by: str | None = None,
    without: Sequence[str] = (),
    encoding: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    without_dominant: bool = False,
    seed: int = 1,
    tracking_uri: str | None = None,
    no_tracking: bool = False,
) -> None:
    """Train on a table's earlier rows, test on its later ones, and write how well it went.

    Args:
        data: any table; see `cli.plain_table`.
        out: the folder to write.
        label, positive: the column that says which rows are fraud, and its value for those.
        order_by: the column that says which rows are later, which is then no feature; None: rows are drawn at random.
        without: columns that are no features.
        encoding: of text; None: what is found.
        parameters: how the trees are fitted, where it is not by default.
        without_dominant: train and test once more without the features that give the fraud away.
        seed: of the sampling, and of the draw.
        tracking_uri, no_tracking: where the run is kept; see `cli.tracking`.

    Raises:
        BadInputError: the table cannot be read, its label or a column is not as it must be, or it is too small.
    """
    asked = checked_encoding(encoding)
    with (
        tracked_command("evaluate", out, tracking_uri, off=no_tracking) as run,
        whole_folder(out, "evaluate") as folder,
        progress() as report,
    ):
        rows = rows_of(data, asked, report)
        refuse_numbers_as_text(data, rows, (label, *without))
        with said_of(data):
            told = labelled(rows, label, positive, without)
        order = _order(data, told.rows, order_by)
        taken, left = usable(told.rows.drop(columns=[order_by] if order_by else []))
        _check_names(data, taken)
        settings = TrainingSettings(label_delay_days=0, seed=seed, **(parameters or {}))
        try:
            table = Table(told.rows[taken], told.fraud.astype("int8"), order)
            trained = train_table(table, settings, report, without_dominant=without_dominant)
        except TrainingDataError as error:
            raise BadInputError(f"{data}: {error}") from error
        metrics = trained.manifest["metrics"]["test"]
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
        trained.save_scores(folder)
        trained.save(folder / "model")
        split = _split(order_by, seed)
        table_report(folder / "report.html", trained, f"{data.name}: {split}", left)
        tell_trained(run, trained, folder, data=data.name, label=label, positive=positive, order_by=order_by)
    console.print(f"\nTested on {metrics['rows']:,} rows, {metrics['frauds']:,} of them fraud; {split}", soft_wrap=True)
    if left:
        console.print(
            f"Left out, as they are times, the same everywhere or too many texts: {', '.join(left)}", markup=False
        )
    for name in [name for name in MEASURES if name in metrics and name not in ("rows", "frauds")]:
        console.print(f"  {name:<32} {metrics[name]:.4f}")
    console.print(f"Wrote {out}/metrics.json, scores.parquet, model/ and report.html", markup=False, soft_wrap=True)
    say_leakage(trained)


def _split(order_by: str | None, seed: int) -> str:
    share = f"{TEST_SHARE:.0%}"
    if order_by is None:
        return f"tested on {share} of the rows, drawn at random by the seed {seed}, rows that are alike together"
    return f"tested on the last {share} of the rows, in the order of {order_by}"


def _order(data: Path, rows: pd.DataFrame, order_by: str | None) -> pd.Series | None:
    if order_by is None:
        return None
    if order_by not in rows:
        raise BadInputError(
            f"--order-by: {data} has no column {order_by!r}; allowed: {', '.join(map(repr, rows.columns))}"
        )
    order = rows[order_by]
    if order.isna().any():
        row = int(order.isna().to_numpy().argmax()) + 1
        raise BadInputError(
            f"{data}: row {row}: column {order_by}: missing; needed: a value in each row, to order them by"
        )
    kind = pd.api.types
    if not kind.is_numeric_dtype(order) and not kind.is_datetime64_any_dtype(order):
        raise BadInputError(
            f"--order-by: {order_by} holds text, as {str(order.iloc[0])[:40]!r}; allowed: a column of numbers, or of dates as "
            "2020-02-01 10:00:00"
        )
    return order


def _check_names(data: Path, names: Sequence[str]) -> None:
    if not names:
        raise BadInputError(f"{data}: no column can be a feature; needed: numbers, or text of not too many values")
    for name in names:
        if any(sign in name for sign in _NOT_IN_NAMES):
            raise BadInputError(f"{data}: the column {name!r}: no name of a feature; allowed: names without [, ] and <")
