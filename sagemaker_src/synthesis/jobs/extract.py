"""The table that a generator learns of and is judged by, from labelled transactions:

    python -m sagemaker_src.synthesis.jobs.extract --transactions transactions/ --out table.parquet

All frauds with their features, and so many of the honest transactions that judging stays cheap. No column tells whose card
it was. The last fifth is left out: a training job tests on it, and a generator that had learned of it would give it away.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

from fraud.durations import MS_PER_DAY
from fraud.notation import whole_number
from fraud.row_counts import RowCountError
from fraud.sql_text import quoted
from sagemaker_src.options import typed
from sagemaker_src.processing.batch_features import compute, engine, features_select, load, made_rows, own_columns
from sagemaker_src.processing.transactions import TransactionFilesError, parquet_source

DAY, TIME_OF_DAY, LABEL = "day", "time_of_day_ms", "is_fraud"
"""When: days since 1970-01-01 (UTC), and milliseconds since that day's midnight: so a generator learns the hour."""
HONEST_ROWS = 50_000
TESTED = 0.2
"""The share that is left out, as `sagemaker_src.training.split.default_test_from` has it."""
LEFT_OUT = ("transaction_id", "cc_num", "event_ms", LABEL)


class NoFraudError(ValueError):
    """There is nothing to learn."""


def extract(connection: duckdb.DuckDBPyConnection, source: str, path: Path, honest_rows: int) -> int:
    """Writes the table, and gives how many frauds it has.

    Args:
        source: the labelled transactions, after `load` and `compute`.
        honest_rows: at most so many of the others, chosen by their ids: the same transactions give the same table.

    Raises:
        NoFraudError: none of these transactions is labelled as fraud.
    """
    rows = features_select(source, own_columns(connection, source), "row")
    columns = [name for name in _columns(connection, rows) if name not in LEFT_OUT]
    select = f"""WITH rows AS ({rows})
        SELECT CAST(event_ms // {MS_PER_DAY} AS INTEGER) AS {DAY},
            CAST(event_ms % {MS_PER_DAY} AS INTEGER) AS {TIME_OF_DAY},
            {", ".join(columns)}, CAST({LABEL} AS TINYINT) AS {LABEL}
        FROM rows
        WHERE event_ms < (SELECT floor(quantile_cont(event_ms, {1 - TESTED}) / {MS_PER_DAY}) * {MS_PER_DAY} FROM rows)
        QUALIFY {LABEL} = 1 OR row_number() OVER (PARTITION BY {LABEL} ORDER BY md5(transaction_id)) <= {honest_rows}
        ORDER BY event_ms, md5(transaction_id)"""
    made_rows(connection, f"COPY ({select}) TO {quoted(path)} (FORMAT parquet)")
    frauds = connection.execute(f"SELECT count(*) FROM read_parquet({quoted(path)}) WHERE {LABEL} = 1").fetchall()[0][0]
    if not frauds:
        raise NoFraudError("no transaction but the last fifth is labelled as fraud; needed: some, as is_fraud = 1")
    return int(frauds)


def _columns(connection: duckdb.DuckDBPyConnection, select: str) -> list[str]:
    found = connection.execute(f"SELECT * FROM ({select}) LIMIT 0")
    return [column[0] for column in found.description]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="All frauds with their features, and some of the honest transactions.")
    parser.add_argument("--transactions", type=Path, required=True, help="Parquet file or folder, with is_fraud")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    parser.add_argument(
        "--honest-rows", type=typed(whole_number), default=HONEST_ROWS, help="at most so many (default %(default)s)"
    )
    parser.add_argument(
        "--memory", default="1400MB", help="what DuckDB may hold before it spills (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(options.out.name + ".part")
    try:
        with engine(options.memory) as connection:
            source = parquet_source(connection, options.transactions)
            if LABEL not in own_columns(connection, source):
                parser.error(f"--transactions: {options.transactions} has no column {LABEL}")
            load(connection, source, key="row")
            compute(connection, lambda what, done, total: print(f"{done}/{total} {what}", file=sys.stderr))
            frauds = extract(connection, source, partial, options.honest_rows)
    except (TransactionFilesError, RowCountError, NoFraudError) as error:
        partial.unlink(missing_ok=True)
        parser.error(f"--transactions: {error}")
    partial.rename(options.out)
    print(f"{frauds} frauds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
