"""A person's file of transactions, in the columns of Kaggle's `fraudTrain.csv`: checked whole, card numbers made tokens.

The checks run before anything is written, and name the file, the row (data rows count from 1), the column and what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from cli.card_numbers import refuse_card_numbers
from cli.errors import BadInputError
from fraud.card_numbers import mask_card_numbers
from fraud.transaction import MAX_AMOUNT_CENTS, card_token

REQUIRED_COLUMNS = (
    "trans_date_trans_time",
    "cc_num",
    "merchant",
    "category",
    "amt",
    "trans_num",
    "merch_lat",
    "merch_long",
    "is_fraud",
)
"""Of Kaggle's columns, those that are read. The card holder's (names, address, gender, date of birth) are not needed."""

_PARQUET_MAGIC = b"PAR1"
_TIME = "TRY_CAST(trans_date_trans_time AS TIMESTAMP)"
_AMOUNT = "TRY_CAST(amt AS DOUBLE)"


@dataclass(frozen=True)
class _Rule:
    """What is wrong where `broken` holds, in terms of the file's own columns, and what is allowed."""

    column: str
    broken: str
    allowed: str
    # A card number is never shown, not even a wrong one.
    shown: bool = True


def _degrees(column: str, limit: int) -> _Rule:
    number = f"TRY_CAST({column} AS DOUBLE)"
    return _Rule(
        column, f"{number} IS NULL OR NOT ({number} BETWEEN -{limit} AND {limit})", f"degrees from -{limit} to {limit}"
    )


_RULES = (
    _Rule("trans_num", "trans_num IS NULL OR NOT regexp_full_match(trans_num, '[A-Za-z0-9._:-]{1,64}')",
          "1 to 64 letters, digits and ._:-"),
    _Rule("trans_date_trans_time", f"{_TIME} IS NULL OR NOT ({_TIME} >= '2000-01-01' AND {_TIME} < '2100-01-01')",
          "a date and time from 2000 to 2099, as 2020-06-21 12:14:25"),
    _Rule("cc_num", "cc_num IS NULL OR NOT regexp_full_match(cc_num, '[0-9]{12,19}')", "a card number of 12 to 19 digits", False),
    _Rule("amt", f"{_AMOUNT} IS NULL OR NOT ({_AMOUNT} BETWEEN 0 AND {MAX_AMOUNT_CENTS / 100}) "
          f"OR abs({_AMOUNT} * 100 - round({_AMOUNT} * 100)) > 1e-3",
          "an amount from 0.00 to 999999.99 with at most two decimal places"),
    _Rule("merchant", "merchant IS NULL OR trim(merchant) = '' OR length(merchant) > 100", "text of 1 to 100 characters"),
    _Rule("category", "category IS NULL OR trim(category) = '' OR length(category) > 100", "text of 1 to 100 characters"),
    _degrees("merch_lat", 90),
    _degrees("merch_long", 180),
    _Rule("is_fraud", "is_fraud IS NULL OR is_fraud NOT IN ('0', '1')", "0 (honest) or 1 (fraud)"),
)  # fmt: skip


def _opened(path: Path) -> str:
    """The DuckDB relation that reads a file, all its columns as text; raises BadInputError for a file that is not one."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise BadInputError(f"{path}: a file named '{path.suffix or path.name}'; allowed: .csv or .parquet")
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise BadInputError(f"{path}: the file is empty; needed: a header and at least one transaction")
    if (suffix == ".parquet") != (head == _PARQUET_MAGIC):
        is_, named = ("Parquet", "CSV") if head == _PARQUET_MAGIC else ("not Parquet", "Parquet")
        raise BadInputError(f"{path}: the content is {is_}, but the name says {named}; name it by what it holds")
    if suffix == ".parquet":
        return f"""(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS row
            FROM read_parquet({_text(path)}, file_row_number=true))"""
    return f"""(SELECT *, row_number() OVER () AS row FROM read_csv({_text(path)}, header=true, all_varchar=true, delim=',',
        quote='"', escape='"', strict_mode=true))"""


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def read_transactions(connection: duckdb.DuckDBPyConnection, path: Path, table: str, key: bytes) -> int:
    """Make a table of a file's transactions: `row`, transaction_id, cc_num (token), merchant, category, amount_cents,
    event_time (UTC), merch_lat, merch_long, is_fraud.

    Args:
        connection: a DuckDB connection.
        path: CSV or Parquet.
        table: the name of the table to make.
        key: the card-token key; see `fraud.transaction.card_token`.

    Returns:
        How many transactions there are.

    Raises:
        BadInputError: naming the file and what is wrong with it.
    """
    relation = _opened(path)
    try:
        columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation} AS f").fetchall()}
        missing = [column for column in REQUIRED_COLUMNS if column not in columns]
        if missing:
            raise BadInputError(
                f"{path}: the column {', '.join(missing)} is missing; needed: {', '.join(REQUIRED_COLUMNS)}"
            )
        # A view of the file, all text: no row of it is kept before its card number is a token.
        fields = ", ".join(f"CAST({column} AS VARCHAR) AS {column}" for column in REQUIRED_COLUMNS)
        connection.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT row, {fields} FROM {relation} AS f")
        _check(connection, path)
        refuse_card_numbers(connection, path, "raw", ("merchant", "category", "trans_num"))
        cards = [row[0] for row in connection.execute("SELECT DISTINCT cc_num FROM raw").fetchall()]
        connection.execute("CREATE OR REPLACE TEMP TABLE tokens (card_number VARCHAR, token VARCHAR)")
        connection.executemany("INSERT INTO tokens VALUES (?, ?)", [(card, card_token(card, key)) for card in cards])
        connection.execute(f"""CREATE OR REPLACE TABLE {table} AS
            SELECT row, trans_num AS transaction_id, t.token AS cc_num, merchant, category,
                CAST(round({_AMOUNT} * 100) AS BIGINT) AS amount_cents, date_trunc('milliseconds', {_TIME}) AS event_time,
                CAST(merch_lat AS DOUBLE) AS merch_lat, CAST(merch_long AS DOUBLE) AS merch_long,
                CAST(is_fraud AS TINYINT) AS is_fraud
            FROM raw AS r JOIN tokens AS t ON r.cc_num = t.card_number""")
        connection.execute("DROP TABLE tokens")
        connection.execute("DROP VIEW raw")
    except duckdb.Error as error:
        raise BadInputError(f"{path}: cannot be read as {path.suffix[1:]}: {_first_line(error)}") from error
    _check_unique(connection, path, table)
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _first_line(error: Exception) -> str:
    return mask_card_numbers(str(error).splitlines()[0])


def _check(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    firsts = ", ".join(f"min(row) FILTER (WHERE {rule.broken})" for rule in _RULES)
    found = connection.execute(f"SELECT count(*), {firsts} FROM raw").fetchall()[0]
    if found[0] == 0:
        raise BadInputError(f"{path}: the file holds no transactions; needed: a header and at least one row")
    broken = [(row, rule) for row, rule in zip(found[1:], _RULES, strict=True) if row is not None]
    if broken:
        row, rule = min(broken, key=lambda pair: pair[0])
        value = connection.execute(f"SELECT {rule.column} FROM raw WHERE row = {row}").fetchall()[0][0]
        shown = "missing" if value is None else mask_card_numbers(repr(value[:60])) if rule.shown else "not one"
        raise BadInputError(f"{path}: row {row}: column {rule.column}: {shown}; allowed: {rule.allowed}")


def _check_unique(connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> None:
    repeated = connection.execute(f"""SELECT transaction_id, min(row), max(row) FROM {table}
        GROUP BY transaction_id HAVING count(*) > 1 ORDER BY 2 LIMIT 1""").fetchall()
    if repeated:
        identity, first, again = repeated[0]
        connection.execute(f"DROP TABLE {table}")
        raise BadInputError(
            f"{path}: row {again}: column trans_num: {mask_card_numbers(repr(identity))} stands in row {first} already; "
            "allowed: each transaction once"
        )
