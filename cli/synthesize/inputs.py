"""What several commands of `fraud synthesize` are given, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from cli.plain_table import read_table
from cli.progress import Report
from reading.errors import BadInputError
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import Fitted, load_fitted

TABLES = (".csv", ".parquet")
"""What a file of rows is named."""

MAX_SEED = 2**32 - 1
MODEL = "a folder that `fraud synthesize fit` wrote"

Label = Annotated[
    str,
    typer.Option(
        help="The column that says what a row is, as Class or is_fraud.", metavar="COLUMN", show_default=False
    ),
]
Positive = Annotated[
    str, typer.Option(help="What stands there in a fraud, as 1 or yes.", metavar="VALUE", show_default=False)
]
Model = Annotated[Path, typer.Option(help="The folder that `fraud synthesize fit` wrote.", metavar="DIR")]
OutFile = Annotated[Path, typer.Option(help="File to write, .csv or .parquet.", metavar="FILE")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file --out if it is there.")]


def rows_of(path: Path, encoding: str | None, report: Report) -> pd.DataFrame:
    """The table in a file, with a line of progress; raises BadInputError as `read_table` does."""
    what = f"reading {path.name}"
    report(what, 0, 1)
    table = read_table(path, encoding)
    report(what, 1, 1)
    return table


def fitted_model(folder: Path) -> Fitted:
    """What the generator of `--model` learned of; raises BadInputError if there is none."""
    with said_of("--model"):
        return load_fitted(folder)


@contextmanager
def said_of(what: object) -> Iterator[None]:
    """What is wrong with a table or a model is a person's to mend: an error that names where it is."""
    try:
        yield
    except SynthesisError as error:
        raise BadInputError(f"{what}: {error}") from error
