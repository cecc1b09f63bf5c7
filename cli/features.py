"""`fraud features`: all features of a person's own file."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from cli.errors import BadInputError
from cli.kaggle import read_transactions
from cli.output import whole_folder
from cli.progress import Report, console, progress
from cli.times import parse_time
from cli.token_key import token_key
from fraud.features.sql import MS_PER_DAY
from local.processes import ProcessError
from local.spark import ROOT, run_spark
from local.stores import write_nightly
from sagemaker_src.processing.batch_features import compute, engine, features_select, load, nightly_snapshot


class Engine(StrEnum):
    """What computes the features; the numbers are the same."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def features(
    data: Annotated[
        Path, typer.Option(help="CSV or Parquet in the columns of Kaggle's fraudTrain.csv.", metavar="FILE")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    on: Annotated[
        Engine, typer.Option("--engine", help="DuckDB in this process, or Spark with a local master.")
    ] = Engine.DUCKDB,
    cut: Annotated[
        str | None, typer.Option(help="Also write the nightly store as of 00:00 UTC of this date.", metavar="DATE")
    ] = None,
    token_key_file: Annotated[
        Path | None,
        typer.Option(
            help="The secret that card tokens are made with; default: a new one, so tokens differ each run.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Compute the features of every transaction in a file.

    Writes features.parquet (the stream's windows and, as of the night before each transaction, the card's habits) and, with
    --cut, nightly.db. Cards appear as tokens only.

    Example: fraud features --data fraudTrain.csv --out out/features --engine spark
    """
    cut_ms = None if cut is None else parse_time("--cut", cut)
    if cut_ms is not None and cut_ms % MS_PER_DAY:
        raise BadInputError(f"--cut: {cut!r} is not a date; allowed: a whole day, as 2020-03-01")
    key = token_key(token_key_file)
    with whole_folder(out) as folder, progress() as report, engine() as connection:
        report(f"reading {data.name}", 0, 1)
        count = read_transactions(connection, data, "tx", key)
        report(f"reading {data.name}", 1, 1)
        if on is Engine.DUCKDB or cut_ms is not None:
            load(connection, "tx", key="row")
            compute(connection, lambda what, done, total: report("features on DuckDB", done, total))
        if on is Engine.DUCKDB:
            select = features_select("tx", labelled=True, key="row")
            connection.execute(f"COPY ({select}) TO '{folder / 'features.parquet'}' (FORMAT parquet)")
        else:
            _on_spark(connection, folder / "features.parquet", report)
        if cut_ms is not None:
            cards, population = nightly_snapshot(connection, cut_ms)
            write_nightly(folder / "nightly.db", cards.items(), population)
    console.print(f"Wrote {out}/features.parquet: {count:,} transactions" + (", and nightly.db" if cut else ""))


def _on_spark(connection: duckdb.DuckDBPyConnection, out: Path, report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="spark-") as temporary:
        folder = Path(temporary)
        connection.execute(f"""COPY (SELECT transaction_id, cc_num, is_fraud, category, amount_cents, event_time FROM tx)
            TO '{folder}/curated.parquet' (FORMAT parquet)""")
        report("features on Spark", 0, 1)
        script = ROOT / "glue_scripts" / "batch_features.py"
        try:
            run_spark(script, ["--transactions", folder / "curated.parquet", "--out", folder / "features"], folder)
        except ProcessError as error:
            raise BadInputError(str(error)) from error
        connection.execute(f"COPY (FROM read_parquet('{folder}/features/*.parquet')) TO '{out}' (FORMAT parquet)")
        report("features on Spark", 1, 1)
