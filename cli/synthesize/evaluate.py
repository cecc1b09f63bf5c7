"""`fraud synthesize evaluate`: what synthetic frauds are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Encoding, whole
from cli.output import check_folder, whole_folder
from cli.progress import console, progress
from cli.synthesize.inputs import MAX_SEED, fitted_model, rows_of, said_of
from cli.synthesize.verdict import show_verdict
from reading.errors import BadInputError
from reading.text import checked_encoding
from sagemaker_src.synthesis.judging import QUALITY, REPORT, RESPLITS, JudgeRequest, judge, matching
from sagemaker_src.synthesis.quality.evaluation import FULL, QUICK
from sagemaker_src.synthesis.table import labelled

_COMMAND = "synthesize evaluate"


def evaluate(
    real: Annotated[
        Path,
        typer.Option(help="CSV or Parquet: the table that the model was fitted with, or one like it.", metavar="FILE"),
    ],
    synthetic: Annotated[
        Path,
        typer.Option(help="CSV or Parquet: what `sample` or `augment` wrote, or rows made elsewhere.", metavar="FILE"),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    model: Annotated[
        Path | None,
        typer.Option(
            help="The folder that `fit` wrote: says which frauds were learned, and is fitted anew to each split; needs the "
            "very file of the fit as --real.",
            metavar="DIR",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The column that says what a row is; default: the model's.", metavar="COLUMN")
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="What stands there in a fraud; default: the model's.", metavar="VALUE")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave a column out, as an identifier or a name; may be given again; default: the model's.",
            metavar="COLUMN",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="The column by which rows are in time, to train on earlier ones and test on later ones, as a model is used; "
            "default: splits at random alone.",
            metavar="COLUMN",
        ),
    ] = None,
    resplits: Annotated[int, whole("How often the table is split anew, by time and at random.", 2, 100)] = RESPLITS,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: fewer rows, trees and attacks, so wider intervals.")
    ] = False,
    seed: Annotated[int, whole("Of the splits, the judges and the attacks.", 0, MAX_SEED)] = 1,
    encoding: Encoding = None,
) -> None:
    """Say what synthetic frauds are worth: how real, how useful, how private.

    Measures three things. Fidelity: how far each column, and how they go together, is from real frauds, beside how far real
    frauds are from one another. Use: whether a model that is trained with them finds more real frauds than one without,
    beside SMOTE, repeating the rows, and weights. Privacy: copies, and how well attacks tell which frauds were learned. Then
    it says in words whether they help, by how much, and whether they may be shared; also if they do not.

    Writes quality.json and report.html, a page that needs no network. It shows real frauds: share it with those
    who may see them.

    Example: fraud synthesize evaluate --real creditcard.csv --synthetic out/synthetic.csv --model out/model --time Time
    --out out/quality

    Example: fraud synthesize evaluate --real creditcard.csv --synthetic others.csv --label Class --positive 1 --out out/quality
    """
    encoding = checked_encoding(encoding)
    check_folder(out, _COMMAND)
    told = _told(model, label, positive, tuple(without or ()))
    with whole_folder(out, _COMMAND) as folder, progress() as report:
        table = rows_of(real, encoding, report)
        made = rows_of(synthetic, encoding, report)
        with said_of(real):
            labels = labelled(table, *told)
        with said_of(synthetic):
            made = matching(made, labels)
        with said_of(real):
            quality = judge(
                labels,
                made,
                JudgeRequest(time, resplits, effort=QUICK if quick else FULL, seed=seed),
                folder,
                model=model,
                progress=report,
            )
    show_verdict(quality)
    console.print(f"Wrote {out}/{REPORT} (open it in a browser) and {QUALITY}", markup=False, soft_wrap=True)


def _told(
    model: Path | None, label: str | None, positive: str | None, without: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]]:
    """Label, positive value and columns to leave out: as the model has them, or as the options say."""
    if model is not None:
        fitted = fitted_model(model)
        learned = (fitted.label, fitted.positive, fitted.without)
        for option, given, known in zip(
            ("--label", "--positive", "--without"), (label, positive, without), learned, strict=True
        ):
            if given and given != known:
                raise BadInputError(
                    f"{option}: the model learned with {known or 'none'}; leave it out, or leave out --model"
                )
        return learned
    if label is None or positive is None:
        lacking = "--label" if label is None else "--positive"
        raise BadInputError(f"{lacking}: missing; needed: it, or the --model that knows it")
    return label, positive, without
