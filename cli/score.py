"""`fraud score`: a file's transactions scored by a model."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.model_folder import check_model
from cli.options import Columns, Encoding, Timezone, TokenKeyFile, TransactionsFile
from cli.output import check_folder, whole_folder
from cli.progress import console, progress
from cli.token_key import token_key
from fraud.sql_text import quoted
from local.scoring import score_transactions
from reading.errors import BadInputError
from reading.transactions import checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.transactions import TransactionFilesError


class Reasons(StrEnum):
    """How a score is explained."""

    AS_STREAMED = "as-streamed"
    APPROXIMATE = "approximate"
    NONE = "none"


def score(
    data: TransactionsFile,
    model: Annotated[Path, typer.Option(help="A model's folder, as `fraud train` writes it.", metavar="DIR")],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the transactions before, as the archive keeps them: Parquet, with the card's tokens. The windows and "
            "habits look back over it; its tokens must be of --token-key-file.",
            metavar="DIR",
        ),
    ] = None,
    reasons: Annotated[
        Reasons,
        typer.Option(
            help="As streamed decisions have them, exact from the review threshold up (some 4 ms each); approximate; or none."
        ),
    ] = Reasons.AS_STREAMED,
    token_key_file: TokenKeyFile = None,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = "kaggle",
) -> None:
    """Score every transaction in a file with a model: outcome and reasons as the stream would decide.

    Writes scores.parquet, scores.csv and summary.json: the steps of the batch jobs, without AWS.

    Example: fraud score --data fraudTest.csv --model out/model --out out/scores
    """
    if archive is not None and not archive.is_dir():
        raise BadInputError(f"--archive: {archive} is no folder; name one of Parquet files, as the archive keeps them")
    check_model(model)
    check_folder(out, "score")
    reading = checked_reading(encoding, timezone, columns)
    key = token_key(token_key_file)
    with whole_folder(out, "score") as folder, progress() as report, tempfile.TemporaryDirectory() as temporary:
        curated = Path(temporary) / "transactions.parquet"
        with engine() as connection:
            report(f"reading {data.name}", 0, 1)
            read_transactions(connection, data, "tx", key, reading)
            # the clock that DuckDB made of them is without a zone, and UTC
            connection.execute(
                f"COPY (SELECT * EXCLUDE row FROM tx ORDER BY row) TO {quoted(curated)} (FORMAT parquet)"
            )
            report(f"reading {data.name}", 1, 1)
        try:
            said = score_transactions(
                curated, archive, model, folder, name=data.stem, reasons=reasons.value, report=report
            )
        except TransactionFilesError as error:
            raise BadInputError(str(error).replace(str(curated), str(data))) from error
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in said["outcomes"].items())
    console.print(f"{said['scored']:,} transactions scored by model {said['model_version']}: {outcomes}", markup=False)
    console.print(f"Wrote {out}/scores.parquet, scores.csv and summary.json")
