"""The transactions of a file that is to be scored and those of the archive: each once, as it first arrived."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from fraud.clock import EARLIEST_MS, LATEST_MS
from fraud.fields import BY_NAME, Field
from fraud.sql_text import quoted
from fraud.transaction import LONGEST_TEXT, MAX_AMOUNT_CENTS, TOKEN_PATTERN, TRANSACTION_ID_PATTERN
from sagemaker_src.processing.batch_features import made_rows
from sagemaker_src.processing.transactions import KEYS, OPTIONAL, TransactionFilesError, parquet_source

ASKED = "row >= 0"
"""Of the table `arrived`: the transactions that are to be scored."""

_TYPES = {"number": "DOUBLE", "flag": "BOOLEAN"}
_BESIDES = (*OPTIONAL, *KEYS)
_BLANK = r"[\s\p{Z}\x1c-\x1f\x85]*"
"""What Python takes for blank, in the notation of RE2."""


class Arrived(NamedTuple):
    """What became of the rows of a file: `asked`, `repeated` and all `refused` are as many as it has.

    Attributes:
        rows: the file's.
        asked: its transactions, which are to be scored.
        repeated: rows with an id that another row of the file has.
        refused: {column: rows} that break the contract in it first.
        archived: how many of `asked` the archive has; they are scored as whichever arrived first.
        other_payments: how many of `asked` stand for two payments: another amount or card under the same id.
    """

    rows: int
    asked: int
    repeated: int
    refused: dict[str, int]
    archived: int
    other_payments: int


def read(connection: duckdb.DuckDBPyConnection, transactions: Path, archive: Path | None) -> Arrived:
    """Makes the table `arrived`, which `batch_features.load` reads, with `row` as the key: of those to be scored, their place in
    the file.

    A transaction that is there twice counts once, as of its earliest event time: so the nightly job takes it, and so the stream
    does, which knows the first and passes over the others.

    Args:
        connection: from `batch_features.engine`.
        transactions: a Parquet file or a folder of them: transaction_id, cc_num (token), category, amount_cents, event_time and
            whatever else is declared.
        archive: a folder of the transactions before and beside them, of the same columns; one without files is none.

    Raises:
        TransactionFilesError: a file cannot be read as transactions, or no row of `transactions` can be scored.
    """
    try:
        rows, refused = _read_file(connection, transactions)
        _read_archive(connection, archive)
        _first_arrivals(connection)
    except duckdb.ConversionException as error:
        raise TransactionFilesError(f"{transactions}: {str(error).splitlines()[0]}") from error
    asked, archived, other = _one(
        connection,
        f"""SELECT count(*), count(*) FILTER (WHERE archived), count(*) FILTER (WHERE other_payment) FROM arrived
        WHERE {ASKED}""",
    )
    if not asked:
        what = ", ".join(f"{count} with a wrong {column}" for column, count in refused.items())
        raise TransactionFilesError(
            f"{transactions} has no row that can be scored: {rows} rows, {what or 'none wrong'}"
        )
    return Arrived(rows, asked, rows - sum(refused.values()) - asked, refused, archived, other)


def _read_file(connection: duckdb.DuckDBPyConnection, transactions: Path) -> tuple[int, dict[str, int]]:
    """Makes `given`; gives how many rows the file has, and how many of them are refused by which column."""
    source = _typed(connection, parquet_source(connection, transactions))
    rows = made_rows(
        connection, f"CREATE OR REPLACE TABLE given AS SELECT *, {_problem()} AS problem FROM {source} AS s"
    )
    found = connection.execute(
        "SELECT problem, count(*) FROM given WHERE problem IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    return rows, dict(found.fetchall())


def _read_archive(connection: duckdb.DuckDBPyConnection, archive: Path | None) -> None:
    """Makes the view `archived`: what is no later than the last row that is given."""
    source = "(SELECT * EXCLUDE problem FROM given WHERE FALSE)"
    if archive is not None and next(archive.rglob("*.parquet"), None) is not None:
        source = _typed(connection, parquet_source(connection, archive))
    connection.execute(f"""CREATE OR REPLACE VIEW archived AS SELECT * FROM {source} AS s
        WHERE event_ms <= (SELECT max(event_ms) FROM given WHERE problem IS NULL)""")


def _first_arrivals(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `arrived`. Few transactions are there twice, and these alone are compared."""
    given = "SELECT * EXCLUDE problem, TRUE AS asked FROM given WHERE problem IS NULL"
    arriving = f"({given} UNION ALL BY NAME SELECT *, FALSE AS asked FROM archived)"
    connection.execute(f"""CREATE OR REPLACE TABLE repeated AS SELECT hash(transaction_id) AS hashed FROM {arriving} AS a
        GROUP BY hashed HAVING count(*) > 1""")
    repeated = "hash(transaction_id) IN (SELECT hashed FROM repeated)"
    connection.execute(f"""CREATE OR REPLACE TABLE arrived AS
        SELECT * EXCLUDE asked REPLACE (CASE WHEN asked THEN row ELSE -1 - row END AS row), NOT asked AS archived,
            FALSE AS other_payment, make_timestamp(event_ms * 1000) AS event_time FROM {arriving} AS a WHERE NOT ({repeated})
        UNION ALL BY NAME
        SELECT * EXCLUDE (asked, place, arrival) REPLACE (coalesce(place, -1 - row) AS row),
            make_timestamp(event_ms * 1000) AS event_time FROM (
        SELECT *, row_number() OVER (w ORDER BY event_ms, asked, row) AS arrival,
            min(CASE WHEN asked THEN row END) OVER w AS place, NOT bool_and(asked) OVER w AS archived,
            min(cc_num) OVER w <> max(cc_num) OVER w OR min(amount_cents) OVER w <> max(amount_cents) OVER w AS other_payment
        FROM {arriving} AS a WHERE {repeated} WINDOW w AS (PARTITION BY transaction_id)) AS o
        WHERE arrival = 1""")
    connection.execute("DROP TABLE given CASCADE")


def _typed(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    """A SELECT in parentheses with all columns in their types: those that `source` lacks are missing throughout."""
    there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source} AS s").fetchall()}
    besides = "".join(
        f", {name if name in there else 'NULL'}::{_TYPES.get(BY_NAME[name].kind, 'VARCHAR')} AS {name}"
        for name in _BESIDES
    )
    return f"""(SELECT row, transaction_id::VARCHAR AS transaction_id, cc_num::VARCHAR AS cc_num, category::VARCHAR AS category,
        amount_cents::BIGINT AS amount_cents, epoch_us(event_time::TIMESTAMP) // 1000 AS event_ms{besides} FROM {source} AS t)"""


def _problem() -> str:
    """SQL: the first column of a row that breaks the contract, NULL if none does."""
    wrong = {
        "transaction_id": f"NOT regexp_matches(transaction_id, {quoted(TRANSACTION_ID_PATTERN)})",
        "cc_num": f"NOT regexp_matches(cc_num, {quoted(TOKEN_PATTERN)})",
        "amount_cents": f"amount_cents NOT BETWEEN 0 AND {MAX_AMOUNT_CENTS}",
        "event_ms": f"event_ms NOT BETWEEN {EARLIEST_MS} AND {LATEST_MS - 1}",
        "category": _wrong(BY_NAME["category"]),
    }
    cases = [f"WHEN {name} IS NULL OR {condition} THEN {quoted(name)}" for name, condition in wrong.items()]
    # what may be missing may not be wrong
    cases += [f"WHEN {_wrong(BY_NAME[name])} THEN {quoted(name)}" for name in _BESIDES if BY_NAME[name].kind != "flag"]
    return f"CASE {' '.join(cases)} END".replace("THEN 'event_ms'", "THEN 'event_time'")


def _wrong(field: Field) -> str:
    """SQL that is true of a value that is none of the field's, and not of a missing one."""
    if field.kind == "number":
        return f"{field.name} NOT BETWEEN {field.least} AND {field.most}"
    size = f"length({field.name}) NOT BETWEEN 1 AND {LONGEST_TEXT} OR regexp_full_match({field.name}, {quoted(_BLANK)})"
    return f"({size} OR NOT regexp_full_match({field.name}, {quoted(field.form)}))" if field.form else f"({size})"


def _one(connection: duckdb.DuckDBPyConnection, select: str) -> tuple[int, ...]:
    [row] = connection.execute(select).fetchall()
    return tuple(map(int, row))
