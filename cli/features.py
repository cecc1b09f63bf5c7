"""`fraud features`: all features of a person's own file."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from cli.options import Columns, Encoding, Timezone, TokenKeyFile, TransactionsFile, decimal
from cli.output import whole_folder
from cli.progress import Report, console, progress
from cli.times import parse_day, start_ms
from cli.token_key import token_key
from engines.installed import ROOT
from engines.processes import ProcessError
from engines.spark import run_spark
from fraud.features.catalogue import CATALOGUE, Catalogue, with_risks
from fraud.row_counts import same_count
from fraud.sql_text import quoted
from local.nightly_file import write_nightly
from reading.errors import BadInputError
from reading.transactions import checked_reading, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, load, made_rows, nightly_snapshot, write_features
from sagemaker_src.processing.transactions import sql_paths


class Engine(StrEnum):
    """What computes the features; the numbers are the same."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def features(
    data: TransactionsFile,
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    on: Annotated[
        Engine, typer.Option("--engine", help="DuckDB in this process, or Spark with a local master.")
    ] = Engine.DUCKDB,
    cut: Annotated[
        str | None, typer.Option(help="Also write the nightly store as of 00:00 UTC of this date.", metavar="DATE")
    ] = None,
    label_delay_days: Annotated[
        float | None,
        decimal(
            "Also the risk by merchant, terminal and category: the share of known frauds, each label known so many days after "
            "its transaction. No model takes it.",
            0,
            3660,
        ),
    ] = None,
    token_key_file: TokenKeyFile = None,
    encoding: Encoding = None,
    timezone: Timezone = None,
    columns: Columns = "kaggle",
) -> None:
    """Compute the features of every transaction in a file.

    Writes features.parquet (the stream's windows and, as of the night before each transaction, the card's habits) and, with
    --cut, nightly.db. Cards appear as tokens only.

    Example: fraud features --data fraudTrain.csv --out out/features --engine spark

    Example: fraud features --data kassen.csv --encoding windows-1252 --timezone Europe/Berlin --out out/features

    Example: fraud features --data till.csv --columns till.toml --out out/features
    """
    cut_ms = None if cut is None else start_ms(parse_day("--cut", cut))
    catalogue = CATALOGUE if label_delay_days is None else with_risks(label_delay_days)
    reading = checked_reading(encoding, timezone, columns)
    key = token_key(token_key_file)
    with whole_folder(out, "features") as folder, progress() as report, engine() as connection:
        report(f"reading {data.name}", 0, 1)
        read = read_transactions(connection, data, "tx", key, reading)
        report(f"reading {data.name}", 1, 1)
        if on is Engine.DUCKDB or cut_ms is not None:
            load(connection, "tx", key="row", catalogue=catalogue)
            compute(connection, lambda what, done, total: report("features on DuckDB", done, total), catalogue)
        if on is Engine.DUCKDB:
            write_features(connection, "tx", folder / "features.parquet", key="row", catalogue=catalogue)
        else:
            options = [] if label_delay_days is None else ["--label-delay-days", str(label_delay_days)]
            _on_spark(connection, folder / "features.parquet", report, catalogue, options)
        if cut_ms is not None:
            cards, population = nightly_snapshot(connection, cut_ms, catalogue)
            write_nightly(folder / "nightly.db", cards.items(), population)
    written = f"Wrote {out}/features.parquet: {read.transactions:,} transactions" + (", and nightly.db" if cut else "")
    console.print(f"{written}; {read.times}", markup=False, soft_wrap=True)


def _on_spark(
    connection: duckdb.DuckDBPyConnection, out: Path, report: Report, catalogue: Catalogue, options: list[str]
) -> None:
    with tempfile.TemporaryDirectory(prefix="spark-") as temporary:
        folder = Path(temporary)
        there = {column[0] for column in connection.execute("DESCRIBE tx").fetchall()}
        keys = "".join(f", {name}" for name in catalogue.key_columns if name in there)
        copy = f"""COPY (SELECT transaction_id, cc_num, is_fraud, category, amount_cents, event_time{keys} FROM tx)
            TO {quoted(folder / "curated.parquet")} (FORMAT parquet)"""
        given = made_rows(connection, copy)
        report("features on Spark", 0, 1)
        script = ROOT / "glue_scripts" / "batch_features.py"
        try:
            given_out: list[str | Path] = ["--transactions", folder / "curated.parquet", "--out", folder / "features"]
            run_spark(script, [*given_out, *options], folder)
        except ProcessError as error:
            raise BadInputError(str(error)) from error
        parts = sql_paths(sorted((folder / "features").glob("*.parquet")))
        copy = f"COPY (FROM read_parquet({parts})) TO {quoted(out)} (FORMAT parquet)"
        same_count("features on Spark", given, made_rows(connection, copy))
