"""`fraud synthesize augment`: a table with synthetic frauds added."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cli.options import Encoding, whole
from cli.output import whole_file
from cli.progress import console, progress
from cli.synthesize.inputs import MAX_SEED, TABLES, Force, Model, OutFile, fitted_model, rows_of, said_of
from reading.text import checked_encoding
from sagemaker_src.synthesis.sampling import SYNTHETIC, augmented, rows_to_add, sampled, write_pieces
from sagemaker_src.synthesis.table import labelled


def augment(
    data: Annotated[Path, typer.Option(help="CSV or Parquet in the columns that the model learned.", metavar="FILE")],
    model: Model,
    to: Annotated[
        str,
        typer.Option(
            help="How many frauds to add: balance (as many frauds as other rows), their share of all rows then, as 0.05, or "
            "a number of rows, as 500.",
            metavar="balance|SHARE|N",
        ),
    ],
    out: OutFile,
    seed: Annotated[int, whole("The same data, model and seed give the same file.", 0, MAX_SEED)] = 1,
    force: Force = False,
    encoding: Encoding = None,
) -> None:
    """Add synthetic frauds to a table, to train on.

    Writes the table's rows as they are, synthetic ones behind them, and a column is_synthetic that tells them apart. Columns
    that the model left out are empty in synthetic rows. Train on such a table; never test on it: what counts is how well the
    real frauds are found.

    Example: fraud synthesize augment --data creditcard.csv --model out/model --to 0.01 --out out/augmented.parquet
    """
    encoding = checked_encoding(encoding)
    fitted = fitted_model(model)
    with whole_file(out, TABLES, force=force) as partial, progress() as report:
        table = rows_of(data, encoding, report)
        with said_of(data):
            labels = labelled(
                table, fitted.label, fitted.positive, tuple(c for c in fitted.without if c in table.columns)
            )
        with said_of("--to"):
            added = rows_to_add(len(table), int(labels.fraud.sum()), to)
        with said_of("--model"):
            synthetic = pd.concat(list(sampled(model, added, seed)), ignore_index=True)
        with said_of(data):
            both = augmented(table, synthetic)
        for written in write_pieces([both], partial):
            report("writing rows", written, len(both))
    share = (int(labels.fraud.sum()) + added) / len(both)
    console.print(
        f"Wrote {out}: {len(table):,} rows as they were and {added:,} synthetic frauds ({SYNTHETIC} tells); "
        f"{share:.4g} of all are fraud now",
        markup=False,
        soft_wrap=True,
    )
