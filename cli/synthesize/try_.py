"""`fraud synthesize try`: all of it on made-up transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cli.options import whole
from cli.output import whole_folder
from cli.progress import console, noted, progress
from cli.synthesize.inputs import MAX_SEED
from cli.synthesize.sample import sample_into
from cli.synthesize.verdict import show_verdict
from sagemaker_src.synthesis.fitting import FitRequest, learn
from sagemaker_src.synthesis.judging import JudgeRequest, judge, matching
from sagemaker_src.synthesis.made_up import LABEL, POSITIVE, TIME, made_up_table
from sagemaker_src.synthesis.quality.evaluation import QUICK
from sagemaker_src.synthesis.sampling import augmented, rows_to_add, sampled
from sagemaker_src.synthesis.table import labelled, write_table


def try_(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")
    ] = Path("out/synthesize-try"),
    cards: Annotated[
        int, whole("How many cards the made-up world has; a card makes about 100 transactions.", 50, 5000)
    ] = 100,
    epochs: Annotated[int, whole("How often the network sees every fraud.", 1, 5000)] = 200,
    resplits: Annotated[int, whole("How often the table is split anew to judge by.", 2, 100)] = 2,
    seed: Annotated[int, whole("The same options give the same files.", 0, MAX_SEED)] = 1,
) -> None:
    """Do all of it on made-up transactions, in under two minutes: fit, sample, augment, evaluate.

    Makes up a world of cards, computes the features of their transactions, learns the frauds among them, makes new ones, adds
    them to the table, and judges them. Writes data.parquet, model/, synthetic.csv, augmented.parquet, quality.json and
    report.html.
    Smaller and shorter than a real fit, so its figures are rough.

    Example: fraud synthesize try

    Example: fraud synthesize try --cards 500 --resplits 8 --out out/longer-try
    """
    with whole_folder(out, "synthesize try") as folder, progress() as report:
        table = made_up_table(cards, 30, seed, report)
        write_table(table, folder / "data.parquet")
        request = FitRequest(LABEL, POSITIVE, settings={"epochs": epochs}, seed=seed)
        learned = learn(table, request, file="data.parquet", progress=noted(report, "learning"))
        model = folder / "model"
        model.mkdir()
        learned.save(model)
        labels = labelled(table, LABEL, POSITIVE)
        sample_into(folder / "synthetic.csv", model, int(labels.fraud.sum()), seed, report)
        added = rows_to_add(len(table), int(labels.fraud.sum()), "0.05")
        synthetic = pd.concat(list(sampled(model, added, seed)), ignore_index=True)
        write_table(augmented(table, synthetic), folder / "augmented.parquet")
        rows = matching(synthetic, labels).iloc[: int(labels.fraud.sum())]
        quality = judge(
            labels, rows, JudgeRequest(TIME, resplits, effort=QUICK, seed=seed), folder, model=model, progress=report
        )
    console.print(
        f"\n{len(table):,} transactions, {labels.fraud.sum():,} of them fraud; {added:,} synthetic ones added"
    )
    show_verdict(quality)
    console.print(
        f"Wrote {out}: report.html (open it in a browser), quality.json, data.parquet, model/, synthetic.csv, augmented.parquet",
        markup=False,
        soft_wrap=True,
    )
    console.print("Your own table: fraud synthesize fit --help", markup=False)
