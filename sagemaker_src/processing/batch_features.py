"""All features of a file of transactions, and the nightly store's tables, on DuckDB. Runnable by hand:

    python -m sagemaker_src.processing.batch_features --transactions curated.parquet --out features.parquet

`glue_scripts/batch_features.py` is the same on Spark, with the same options and the same numbers.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue, names, with_risks
from fraud.features.feature import CARD, DeclarationError
from fraud.features.nightly import CardRecord, Population, Row, card_records, population_habits
from fraud.features.sql import CLOCK_COLUMNS, batch_steps, daily_sql, daily_tables, snapshot_sql
from fraud.notation import decimal_number
from fraud.row_counts import RowCountError, same_count
from fraud.sql_text import quoted
from sagemaker_src.options import typed
from sagemaker_src.processing.transactions import KNOWN_AT, LABEL, OPTIONAL, TransactionFilesError, parquet_source

if TYPE_CHECKING:
    import pandas as pd  # what of it DuckDB makes

Progress = Callable[[str, int, int], None]
"""Called with (what is being made, steps done, steps in all)."""


def silent(what: str, done: int, total: int) -> None:
    """The default: no progress shown."""


@contextmanager
def engine(memory: str = "1400MB", threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection of its own, in UTC, that spills to a temporary folder past `memory` and leaves nothing behind."""
    with (
        tempfile.TemporaryDirectory(prefix="features-") as spill,
        duckdb.connect(
            config={
                "memory_limit": memory,
                "threads": threads or len(os.sched_getaffinity(0)),
                "temp_directory": spill,
                "preserve_insertion_order": False,
            }
        ) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def load(
    connection: duckdb.DuckDBPyConnection, source: str, key: str = "transaction_id", catalogue: Catalogue = CATALOGUE
) -> None:
    """Make the table `transactions` that the feature SQL reads.

    Cards and categories become whole numbers and an ENUM on the way in: sorting and joining on them is several times
    cheaper than on text, and the SQL does not care. `cards` keeps the way back.

    Args:
        connection: from `engine`.
        source: a SELECT or relation with `transaction_id`, `cc_num` (token), `category`, `amount_cents`, `event_time`
            and maybe `is_fraud` and the catalogue's `key_columns`; each transaction once. For risks also `known_at` (UTC;
            missing: after the label delay); without labels, they are missing.
        key: the column of `source` carried through the windows to find the row again; of each row its own.
        catalogue: the declarations.

    Raises:
        RowCountError: `transactions` does not have as many rows as `source`.
    """
    connection.execute(f"""CREATE OR REPLACE TABLE cards AS SELECT token, CAST(row_number() OVER () AS INTEGER) AS card
        FROM (SELECT DISTINCT cc_num AS token FROM {source} AS s ORDER BY token)""")
    connection.execute(f"CREATE TYPE category AS ENUM (SELECT DISTINCT category FROM {source} AS s ORDER BY category)")
    there = _columns(connection, source)
    keys = "".join(f"{name}, " for name in catalogue.key_columns)
    given = "".join(
        f"{f's.{name}' if name in there else 'NULL'}::VARCHAR AS {name}, " for name in catalogue.key_columns
    )
    labels = ""
    if catalogue.risks:
        keys += f"{LABEL}, known_ms, "
        known = f"epoch_us(s.{KNOWN_AT}::TIMESTAMP) // 1000" if KNOWN_AT in there else "NULL::BIGINT"
        label = f"s.{LABEL}" if LABEL in there else f"NULL::TINYINT AS {LABEL}"
        labels = f"{label}, {known} AS known_ms, "
    create = f"""CREATE OR REPLACE TABLE transactions AS SELECT * REPLACE (day::INTEGER AS day, hour::TINYINT AS hour)
        FROM (SELECT row, cc_num, category, {keys}amount_cents, event_time, {CLOCK_COLUMNS} FROM (
        SELECT s.{key} AS row, c.card AS cc_num, s.category::category AS category, {given}{labels}s.amount_cents,
            s.event_time::TIMESTAMP AS event_time, epoch_us(s.event_time::TIMESTAMP) // 1000 AS event_ms
        FROM {source} AS s JOIN cards AS c ON s.cc_num = c.token))"""
    same_count("reading the transactions", _count(connection, source), made_rows(connection, create))


def check_labels(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Raises TransactionFilesError: risk is asked for of transactions that have no labels."""
    if LABEL not in _columns(connection, source):
        raise TransactionFilesError(f"no column {LABEL}; needed for risk: transactions with their labels")


def compute(
    connection: duckdb.DuckDBPyConnection,
    progress: Progress = silent,
    catalogue: Catalogue = CATALOGUE,
    asked: str | None = None,
    told: str | None = None,
) -> None:
    """Make `features` from `transactions`: keyed by `row`, with `cc_num` as the number in `cards`.

    Args:
        connection: after `load`.
        progress: is told of each step.
        catalogue: as of `load`.
        asked: a condition on the rows whose features are made; None for all.
        told: for risks, as of `batch_steps`.
    """
    steps = batch_steps(catalogue, identity="row", asked=asked, told=told)
    for done, (table, select) in enumerate(steps):
        progress(table, done, len(steps))
        # The last step is a view: it is read once, on its way into a file or an array.
        kind = "VIEW" if table == "features" else "TABLE"
        connection.execute(f"CREATE OR REPLACE {kind} {table} AS {select}")
    progress("features", len(steps), len(steps))


def own_columns(connection: duckdb.DuckDBPyConnection, source: str) -> tuple[str, ...]:
    """The columns of `source` that a row of features keeps: its label, if there is one, and the fields that a model takes."""
    there = _columns(connection, source)
    label = (LABEL,) if LABEL in there else ()
    return (*label, "category", *(name for name in OPTIONAL if name in there))


def features_select(
    source: str, kept: Sequence[str], key: str = "transaction_id", catalogue: Catalogue = CATALOGUE
) -> str:
    """The SELECT that joins the features back to the transactions' own columns.

    Args:
        source: as of `load`.
        kept: what `own_columns` gave.
        key, catalogue: as of `load`.
    """
    own = "".join(f"t.{name}, " for name in kept)
    columns = ", ".join(f"f.{name}" for name in feature_columns(catalogue))
    return f"""SELECT t.transaction_id, t.cc_num, {own}t.amount_cents, f.event_ms, {columns}
        FROM {source} AS t JOIN features AS f ON t.{key} = f.row"""


def nightly_snapshot(
    connection: duckdb.DuckDBPyConnection, cut_ms: int, catalogue: Catalogue = CATALOGUE
) -> tuple[dict[str, CardRecord], Population]:
    """The nightly records as of a cut, from the daily sums that `compute` made, or `daily_sums` alone.

    Args:
        connection: after `load` and `compute` or `daily_sums`.
        cut_ms: 00:00 UTC of the day that begins, milliseconds since 1970. Nothing from then on is seen.
        catalogue: the declarations.

    Returns:
        {card token: record}, and what is known of all cards together, as `fraud.features.nightly` describes them.
    """
    cut_day = cut_ms // MS_PER_DAY

    tokens = dict(connection.execute("SELECT card, token FROM cards").fetchall())

    def rows(select: str) -> list[Row]:
        found = connection.execute(select)
        columns = [column[0] for column in found.description]
        given = (dict(zip(columns, row, strict=True)) for row in found.fetchall())
        return [row | {CARD: tokens[row[CARD]]} if CARD in row else row for row in given]

    found = {table: rows(select) for table, select in snapshot_sql(cut_day, catalogue).items()}
    population = dict(population_habits(found, catalogue))
    for risk in catalogue.risks:
        of_risk = rows(risk.snapshot_sql(risk.daily_table, cut_day))
        population |= {name: {str(row[risk.key]): row[name] for row in of_risk} for name in names(risk.features)}
    return card_records(found, cut_day * MS_PER_DAY, catalogue), population


def daily_sums(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue = CATALOGUE) -> None:
    """Make the daily sums alone, for a snapshot without the training set."""
    selects = {table: daily_sql(table, "transactions", catalogue) for table in daily_tables(catalogue)}
    selects |= {risk.daily_table: risk.daily_sql("transactions") for risk in catalogue.risks}
    for table, select in selects.items():
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS {select}")


def write_features(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    path: Path,
    key: str = "transaction_id",
    catalogue: Catalogue = CATALOGUE,
) -> int:
    """Writes `features_select` to a Parquet file and gives how many rows it has.

    Raises:
        RowCountError: it is not one for each row of `source`; the file may not be used.
    """
    count = _count(connection, source)
    select = features_select(source, own_columns(connection, source), key, catalogue)
    copy = f"COPY ({select}) TO {quoted(path)} (FORMAT parquet)"
    same_count("joining the features", count, made_rows(connection, copy))
    return count


def features_frame(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    key: str = "transaction_id",
    catalogue: Catalogue = CATALOGUE,
) -> pd.DataFrame:
    """What `features_select` gives, texts as pandas Categoricals; raises as `write_features` does."""
    select = features_select(source, own_columns(connection, source), key, catalogue).replace(
        "t.category", "t.category::category AS category"
    )
    rows: pd.DataFrame = connection.execute(select).df()
    for name in rows.columns.intersection(OPTIONAL):
        if rows[name].dtype.kind == "O":  # text, however pandas keeps it
            rows[name] = rows[name].astype("category")  # each distinct text is looked up once, not each row
    same_count("joining the features", _count(connection, source), len(rows))
    return rows


def made_rows(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Runs a CREATE TABLE AS or a COPY, and gives how many rows it made."""
    return int(connection.execute(statement).fetchall()[0][0])


def feature_columns(catalogue: Catalogue = CATALOGUE) -> tuple[str, ...]:
    """The features that `compute` makes, in order."""
    return names(catalogue.batch_features)


def _columns(connection: duckdb.DuckDBPyConnection, source: str) -> set[str]:
    return {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source} AS s").fetchall()}


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {source} AS s").fetchall()[0][0])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="All features of a file of transactions, on DuckDB.")
    parser.add_argument(
        "--transactions",
        type=Path,
        required=True,
        help="Parquet file, or folder of them: transaction_id, cc_num (token), category, "
        "amount_cents, event_time (UTC), maybe is_fraud; each transaction once",
    )
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    parser.add_argument(
        "--memory", default="1400MB", help="what DuckDB may hold before it spills (default %(default)s)"
    )
    parser.add_argument(
        "--label-delay-days",
        type=typed(decimal_number),
        help="also the risk by merchant, terminal and category: a label is known so long after its transaction, unless a column "
        "known_at (UTC) says when",
    )
    options = parser.parse_args(arguments)
    delay = options.label_delay_days
    try:
        catalogue = CATALOGUE if delay is None else with_risks(delay)
    except DeclarationError as error:
        parser.error(f"--label-delay-days: {error}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(options.out.name + ".part")
    try:
        with engine(options.memory) as connection:
            source = parquet_source(connection, options.transactions, (*catalogue.key_columns, KNOWN_AT))
            if delay is not None:
                check_labels(connection, source)
            load(connection, source, key="row", catalogue=catalogue)
            compute(connection, lambda what, done, total: print(f"{done}/{total} {what}", file=sys.stderr), catalogue)
            write_features(connection, source, partial, key="row", catalogue=catalogue)
    except (TransactionFilesError, RowCountError) as error:
        partial.unlink(missing_ok=True)
        parser.error(f"--transactions: {error}")
    partial.rename(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
