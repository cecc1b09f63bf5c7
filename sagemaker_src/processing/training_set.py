"""The training set of what was decided live: the archive of transactions, each with its label as known at a date. By hand:

    python -m sagemaker_src.processing.training_set --archive archive/transactions --decisions archive/decisions \\
        --labels archive/labels --as-of 2026-11-28 --out set/features.parquet

It holds the transactions that are older than the label delay: those that have a label with it; of the others those that were
approved as honest, for what is not disputed within the delay was in order; and none of those that were reviewed or blocked and
that nobody has labelled, for what becomes of a payment that was not made, nobody learns. These stay as the history of the
others, and are counted in the manifest. With `--files`, transactions with labels of their own are added; a label that came back
counts before a file's.

With `--risk` each row has the share of known frauds by merchant, terminal and category as of its cut, too: of what was said
before it (`told_labels`), never of what the set's own labels say, which were known later.

The set as of a date is the same bytes whenever it is made. Beside it stands `manifest.json`: what it is made of.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue, with_risks
from fraud.features.risks import REACH_MS
from fraud.notation import decimal_number, iso_moment_ms
from fraud.row_counts import RowCountError, same_count
from fraud.sql_text import quoted
from sagemaker_src.options import typed
from sagemaker_src.processing.batch_features import compute, engine, features_select, load, made_rows, own_columns
from sagemaker_src.processing.known_labels import UNDECIDED, known_labels, outcomes
from sagemaker_src.processing.set_manifest import manifest
from sagemaker_src.processing.told_labels import settled_sql, told_sql
from sagemaker_src.processing.transactions import KNOWN_AT, LABEL, TransactionFilesError, parquet_source

DELAY_DAYS = 7.0
SETTLED_MS = 6 * 3_600_000
"""So long the archive may take to get what it is sent: Lambda tries a batch for six hours at most."""


def collect(
    connection: duckdb.DuckDBPyConnection,
    archive: Path,
    files: Path | None,
    until_ms: int,
    catalogue: Catalogue = CATALOGUE,
) -> None:
    """Makes the table `given`: each transaction before a moment once, with `outcome` and `is_fraud`, missing where nobody knows.

    Args:
        connection: after `known_labels` and `outcomes`.
        archive: transactions without labels.
        files: transactions with labels; a folder without files has none.
        until_ms: milliseconds since 1970 in UTC.
        catalogue: the declarations; for risks `given` has their keys, and `stated` and `known_at` of what a file's label says.

    Raises:
        TransactionFilesError: a file cannot be read, or has no labels.
    """
    also = catalogue.key_columns if catalogue.risks else ()
    source = parquet_source(connection, archive, also)
    connection.execute(
        f"CREATE OR REPLACE TABLE live AS SELECT * EXCLUDE (row{_label_of(connection, source)}) FROM {_once(source, until_ms)}"
    )
    parts = [
        f"""SELECT s.*, coalesce(o.outcome, '{UNDECIDED}') AS outcome, k.source AS source,
            coalesce(o.control_group, false) AS control_group,
            coalesce(k.is_fraud, CASE WHEN o.outcome = 'approve' THEN false END)::TINYINT AS {LABEL}
        FROM live AS s LEFT JOIN known_labels AS k USING (transaction_id) LEFT JOIN outcomes AS o USING (transaction_id)"""
    ]
    # a job's mount of nothing is a folder without any
    if files is not None and not (files.is_dir() and not any(files.rglob("*.parquet"))):
        source = parquet_source(connection, files, (*also, KNOWN_AT) if also else ())
        if not _label_of(connection, source):
            raise TransactionFilesError(
                f"{files} lacks the column {LABEL}; needed of files: transactions with their labels"
            )
        if also:
            source = f"(SELECT *, {LABEL} AS stated FROM {source} AS f)"
        parts.append(f"""SELECT s.* EXCLUDE (row, {LABEL}), 'file' AS outcome, coalesce(k.source, 'file') AS source,
            false AS control_group,
            coalesce(k.is_fraud::TINYINT, s.{LABEL}::TINYINT) AS {LABEL}
        FROM {_once(source, until_ms)} AS s LEFT JOIN known_labels AS k USING (transaction_id)
        WHERE s.transaction_id NOT IN (SELECT transaction_id FROM live)""")
    connection.execute(f"""CREATE OR REPLACE TABLE given AS
        SELECT *, row_number() OVER (ORDER BY event_time, transaction_id) AS row FROM ({" UNION ALL BY NAME ".join(parts)})""")


def tell(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    """Makes the table `told`: what was said of `given`, and when, by `told_labels`.

    A file's label was known when `known_at` says, or after the risks' label delay. Any label that came back is newer, also one
    that came before that.

    Args:
        connection: after `collect` with the same catalogue.
        catalogue: the declarations, with risks of one label delay, which is theirs, whatever the set's own is.
    """
    keys = tuple(dict.fromkeys(risk.key for risk in catalogue.risks))
    there = {row[0] for row in connection.execute("DESCRIBE given").fetchall()}
    given = "".join(f"{f'g.{key}' if key in there else 'NULL'}::VARCHAR AS {key}, " for key in keys)
    event = "epoch_us(g.event_time::TIMESTAMP) // 1000"
    [delay_ms] = {risk.label_delay_ms for risk in catalogue.risks}
    stated = "g.stated" if "stated" in there else "NULL"
    known = f"epoch_us(g.{KNOWN_AT}::TIMESTAMP) // 1000" if KNOWN_AT in there else "NULL::BIGINT"
    live = f"CASE WHEN g.outcome = 'approve' THEN {settled_sql(event, 'o.decided_ms', delay_ms)} END"
    connection.execute(f"""CREATE OR REPLACE TABLE tellable AS SELECT g.transaction_id, {given}{event} AS event_ms,
            {stated}::BIGINT AS stated, coalesce({known}, {event} + {delay_ms}) AS stated_ms,
            CASE WHEN {stated} IS NOT NULL THEN {event} + {delay_ms} ELSE {live} END AS settled_ms
        FROM given AS g LEFT JOIN outcomes AS o USING (transaction_id)""")
    # a file's label is the oldest that counts
    connection.execute(f"""CREATE OR REPLACE TABLE tellings AS
        SELECT transaction_id, is_fraud::BIGINT AS is_fraud, source, reported_by, known_ms, recorded_ms FROM archived_labels
        UNION ALL SELECT transaction_id, stated AS is_fraud, '' AS source, '' AS reported_by,
            event_ms - {REACH_MS} AS known_ms,
            stated_ms AS recorded_ms FROM tellable WHERE stated IS NOT NULL""")
    connection.execute(f"CREATE OR REPLACE TABLE told AS {told_sql('tellable', 'tellings', keys, delay_ms)}")


def _once(source: str, until_ms: int) -> str:
    """Each transaction before a moment once: one that is archived twice, or whose id came again, as it came first."""
    return f"""(SELECT * FROM {source} AS t WHERE epoch_ms(event_time::TIMESTAMP) < {until_ms}
        QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY event_time, cc_num, amount_cents, category) = 1)"""


def _label_of(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source} AS s").fetchall()]
    return f", {LABEL}" if LABEL in names else ""


def write(connection: duckdb.DuckDBPyConnection, path: Path, catalogue: Catalogue = CATALOGUE) -> None:
    """Writes the features of those of `given` that have a label, in the order of time; the same rows are the same bytes.

    Args:
        connection: after `load` and `compute`.

    Raises:
        RowCountError: not as many were written as have a label; the file may not be used.
    """
    given = int(connection.execute(f"SELECT count(*) FROM given WHERE {LABEL} IS NOT NULL").fetchall()[0][0])
    select = features_select("given", own_columns(connection, "given"), "row", catalogue)
    # several threads write their rows in the order in which they are done
    connection.execute("SET preserve_insertion_order = true; SET threads = 1")
    copy = f"""COPY ({select} WHERE t.{LABEL} IS NOT NULL ORDER BY f.event_ms, t.transaction_id)
        TO {quoted(path)} (FORMAT parquet)"""
    same_count("joining the features", given, made_rows(connection, copy))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="A training set of archived transactions with their labels as of a date."
    )
    parser.add_argument("--archive", type=Path, required=True, help="folder of archived transactions, Parquet")
    parser.add_argument("--decisions", type=Path, required=True, help="folder of archived decisions")
    parser.add_argument("--labels", type=Path, required=True, help="folder of archived labels")
    parser.add_argument(
        "--files", type=Path, help="file or folder of transactions with is_fraud, to be added; an empty folder has none"
    )
    parser.add_argument(
        "--as-of", type=typed(iso_moment_ms), required=True, help="date or moment (UTC): what was known then"
    )
    parser.add_argument("--label-delay-days", type=typed(decimal_number), default=DELAY_DAYS,
        help="how long a label takes; younger transactions are left out (default %(default)s)")  # fmt: skip
    parser.add_argument("--risk", action="store_true",
        help="also the share of known frauds by merchant, terminal and category, as known at each row's cut")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write; manifest.json is put beside it")
    parser.add_argument(
        "--memory", default="1400MB", help="what DuckDB may hold before it spills (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    now_ms = time.time_ns() // 1_000_000
    if options.as_of > now_ms:
        parser.error("--as-of: in the future; allowed: a moment that has been, for what will be known nobody knows")
    if not 0 <= options.label_delay_days <= 3_660:
        parser.error(f"--label-delay-days: {options.label_delay_days:g}; allowed: 0 to 3,660")
    if options.as_of > now_ms - SETTLED_MS:
        print(
            "the archive may still get what was sent before --as-of: made again, the set may be another",
            file=sys.stderr,
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(options.out.name + ".part")
    until_ms = options.as_of - int(options.label_delay_days * MS_PER_DAY)
    catalogue = with_risks(options.label_delay_days) if options.risk else CATALOGUE
    try:
        with engine(options.memory) as connection:
            recorded = known_labels(connection, options.labels, options.as_of)
            outcomes(connection, options.decisions, options.as_of)
            collect(connection, options.archive, options.files, until_ms, catalogue)
            if catalogue.risks:
                tell(connection, catalogue)
            load(connection, "given", key="row", catalogue=catalogue)
            compute(
                connection,
                lambda what, done, total: print(f"{done}/{total} {what}", file=sys.stderr),
                catalogue,
                told="told" if catalogue.risks else None,
            )
            write(connection, partial, catalogue)
            told = manifest(connection, partial, recorded, options.as_of, options.label_delay_days, catalogue)
    except (TransactionFilesError, RowCountError) as error:
        partial.unlink(missing_ok=True)
        parser.error(str(error))
    # the manifest last, so that a set with one is whole
    partial.rename(options.out)
    part = options.out.with_name("manifest.json.part")
    part.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    part.rename(options.out.with_name("manifest.json"))
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
