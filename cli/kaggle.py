"""A person's file of transactions, in the columns of Kaggle's `fraudTrain.csv`: checked whole, card numbers made tokens.

A column that has the name of a declared field which may be missing (`fraud.fields`) is read as that field.

The checks run before anything is written, and name the file, the row (data rows count from 1), the column and what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cli.card_numbers import refuse_card_numbers
from cli.errors import BadInputError
from cli.reading.csv_text import checked_encoding
from cli.reading.event_times import ALLOWED, clock_columns, to_moments
from cli.reading.mapping.relation import in_fields, mapped
from cli.reading.mapping.toml_file import Mapping, read_mapping
from cli.reading.source import Kind, Source, opened
from cli.reading.zones import checked_zone
from fraud.card_numbers import mask_card_numbers
from fraud.fields import OPTIONAL_FIELDS, Field
from fraud.row_counts import same_count
from fraud.transaction import ALLOWED as ALLOWED_VALUES
from fraud.transaction import MAX_AMOUNT_CENTS, card_token
from sagemaker_src.processing.batch_features import made_rows
from sagemaker_src.processing.transactions import quoted

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

NUMBERS = {
    "amt": "[0-9]{1,12}([.][0-9]+)?",
    "merch_lat": "[+-]?[0-9]{1,3}([.][0-9]+)?([eE]-?[0-9]{1,3})?",
    "merch_long": "[+-]?[0-9]{1,3}([.][0-9]+)?([eE]-?[0-9]{1,3})?",
}
"""How these are written, where they are text."""

_FROM_MS, _TO_MS = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01."""


@dataclass(frozen=True)
class Reading:
    """How a person's files are to be read.

    Attributes:
        encoding: of a CSV; None: UTF-8, or what its mark says.
        timezone: what times without an offset mean.
        mapping: which columns are which fields; None: those of Kaggle's `fraudTrain.csv`, by their names.
    """

    encoding: str | None = None
    timezone: str = "UTC"
    mapping: Mapping | None = None


AS_USUAL = Reading()


def checked_reading(encoding: str | None, timezone: str, columns: str = "kaggle") -> Reading:
    """The options `--encoding`, `--timezone` and `--columns`.

    Raises:
        BadInputError: a name is none, the mapping is wrong, or it says otherwise than an option.
    """
    asked, zone = checked_encoding(encoding), checked_zone(timezone)
    if columns == "kaggle":
        return Reading(asked, zone)
    mapping = read_mapping(columns)
    said = (("--encoding", asked, mapping.encoding), ("--timezone", zone if zone != "UTC" else None, mapping.zone))
    for option, one, other in said:
        if one is not None and other is not None and one != other:
            raise BadInputError(f"{option}: {one}, but {mapping.path} says {other}; allowed: one of them, in one place")
    return Reading(asked or mapping.encoding, mapping.zone or zone, mapping)


@dataclass(frozen=True)
class Read:
    """What was read: how many transactions, and a sentence on how their times were taken and which rows were left out."""

    transactions: int
    times: str


@dataclass(frozen=True)
class _Rule:
    """What is wrong where `broken` holds, in terms of the columns of the view `raw`, and what is allowed."""

    column: str
    broken: str
    allowed: str
    # A card number is never shown, not even a wrong one.
    shown: bool = True


def _degrees(column: str, limit: int) -> _Rule:
    number = f"{column}_number"
    return _Rule(
        column, f"{number} IS NULL OR NOT ({number} BETWEEN -{limit} AND {limit})", f"degrees from -{limit} to {limit}"
    )


_RULES = (
    _Rule("trans_num", "trans_num IS NULL OR NOT regexp_full_match(trans_num, '[A-Za-z0-9._:-]{1,64}')",
          "1 to 64 letters, digits and ._:-"),
    _Rule("trans_date_trans_time", f"clock_ms IS NULL OR NOT (clock_ms >= {_FROM_MS} AND clock_ms < {_TO_MS})", ALLOWED),
    _Rule("cc_num", "cc_num IS NULL OR NOT regexp_full_match(cc_num, '[0-9]{12,19}')",
          "a card number of 12 to 19 digits, as text: without spaces, points or an exponent", False),
    _Rule("amt", f"amt_number IS NULL OR NOT (amt_number BETWEEN 0 AND {MAX_AMOUNT_CENTS / 100}) "
          "OR abs(amt_number * 100 - round(amt_number * 100)) > 1e-3",
          "an amount from 0.00 to 999999.99 with at most two decimal places"),
    _Rule("merchant", "merchant IS NULL OR trim(merchant) = '' OR length(merchant) > 100", "text of 1 to 100 characters"),
    _Rule("category", "category IS NULL OR trim(category) = '' OR length(category) > 100", "text of 1 to 100 characters"),
    _degrees("merch_lat", 90),
    _degrees("merch_long", 180),
    _Rule("is_fraud", "is_fraud IS NULL OR is_fraud NOT IN ('0', '1')", "0 (honest) or 1 (fraud)"),
)  # fmt: skip


def _optional_rules(fields: Sequence[Field]) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(field.name, f"{_is_there(field)} AND {_breaks(field)}", ALLOWED_VALUES[field.name]) for field in fields
    )


def _is_there(field: Field) -> str:
    return f"{field.name} IS NOT NULL AND trim({field.name}) <> ''"


def _breaks(field: Field) -> str:
    """SQL of whether a text that is there is none of the field's."""
    if field.kind == "flag":
        return f"lower({field.name}) NOT IN ('0', '1', 'true', 'false')"
    if field.kind == "number":
        number = f"TRY_CAST({field.name} AS DOUBLE)"
        return (
            f"(NOT regexp_full_match({field.name}, '{NUMBERS['merch_lat']}') OR {number} IS NULL "
            f"OR NOT ({number} BETWEEN {field.least} AND {field.most}))"
        )
    return f"NOT regexp_full_match({field.name}, {quoted(field.form or '(?s).{1,100}')})"


def _value(field: Field) -> str:
    """SQL of a field's value, null where it is missing."""
    kind = {"flag": "BOOLEAN", "number": "DOUBLE"}.get(field.kind, "VARCHAR")
    return f"CASE WHEN {_is_there(field)} THEN CAST({field.name} AS {kind}) END AS {field.name}"


def read_transactions(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, key: bytes, reading: Reading
) -> Read:
    """Make a table of a file's transactions: `row`, transaction_id, cc_num (token), merchant, category, amount_cents,
    event_time (UTC), merch_lat, merch_long, is_fraud, and those of the fields that may be missing which the file has.

    Args:
        connection: a DuckDB connection in UTC.
        path: CSV or Parquet.
        table: the name of the table to make.
        key: the card-token key; see `fraud.transaction.card_token`.
        reading: how to read it.

    Raises:
        BadInputError: naming the file and what is wrong with it.
    """
    if reading.mapping is None:
        names = [field.name for field in OPTIONAL_FIELDS]
        with opened(connection, path, REQUIRED_COLUMNS, reading.encoding, names) as source:
            return _made(connection, path, table, key, source, reading)
    with in_fields(), mapped(connection, path, reading.mapping, reading.encoding) as (source, left_out):
        read = _made(connection, path, table, key, source, reading)
    return Read(read.transactions, f"{read.times}{left_out}")


def _made(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, key: bytes, source: Source, reading: Reading
) -> Read:
    """Makes the table of an opened file."""
    fields = [field for field in OPTIONAL_FIELDS if field.name in source.columns]
    # A view of the file: no row of it is kept before its card number is a token.
    connection.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT row, {_fields(source)} FROM {source.relation} AS f")
    count = _check(connection, path, (*_RULES, *_optional_rules(fields)))
    texts = [field.name for field in fields if field.is_text]
    refuse_card_numbers(connection, path, "raw", ("merchant", "category", "trans_num", *texts))
    times = to_moments(connection, path, "raw", "timed", reading.timezone)
    cards = [row[0] for row in connection.execute("SELECT DISTINCT cc_num FROM raw").fetchall()]
    connection.execute("CREATE OR REPLACE TEMP TABLE tokens (card_number VARCHAR, token VARCHAR)")
    connection.executemany("INSERT INTO tokens VALUES (?, ?)", [(card, card_token(card, key)) for card in cards])
    create = f"""CREATE OR REPLACE TABLE {table} AS
        SELECT row, trans_num AS transaction_id, t.token AS cc_num, merchant, category,
            CAST(round(amt_number * 100) AS BIGINT) AS amount_cents, epoch_ms(event_ms) AS event_time,
            merch_lat_number AS merch_lat, merch_long_number AS merch_long, CAST(is_fraud AS TINYINT) AS is_fraud
            {"".join(f", {_value(field)}" for field in fields)}
        FROM timed AS r JOIN tokens AS t ON r.cc_num = t.card_number"""
    same_count(f"reading {path}", count, made_rows(connection, create))
    connection.execute("DROP TABLE tokens")
    connection.execute("DROP VIEW timed")
    connection.execute("DROP VIEW raw")
    _check_table(connection, path, table)
    return Read(count, times)


def _fields(source: Source) -> str:
    """SQL of the columns of `raw`: each as text, numbers as DOUBLE too, and the clock's."""
    fields = []
    for name, (column, kind) in source.columns.items():
        text = _as_text(column, kind)
        if name == "trans_date_trans_time":
            known = kind if kind in ("time", "moment") else "text"
            fields.append(clock_columns(column if known == kind else text, known))
        fields.append(f"{text} AS {name}")
        if name in NUMBERS:
            fields.append(f"{_as_number(column, kind, text, NUMBERS[name])} AS {name}_number")
    return ", ".join(fields)


def _as_text(column: str, kind: Kind) -> str:
    if kind == "binary":
        return f"TRY(decode({column}))"
    return f"CAST({f'CAST({column} AS TINYINT)' if kind == 'yes or no' else column} AS VARCHAR)"


def _as_number(column: str, kind: Kind, text: str, written: str) -> str:
    if kind == "number":
        return f"CAST({column} AS DOUBLE)"
    if kind == "single":  # by its text: the 4 bytes of 1.1 are not the 8 bytes of 1.1
        return f"CAST({text} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({text}, '{written}') THEN TRY_CAST({text} AS DOUBLE) END"


def _check(connection: duckdb.DuckDBPyConnection, path: Path, rules: Sequence[_Rule]) -> int:
    """How many rows there are, none of which breaks a rule."""
    firsts = ", ".join(f"min(row) FILTER (WHERE {rule.broken})" for rule in rules)
    found = connection.execute(f"SELECT count(*), {firsts} FROM raw").fetchall()[0]
    if found[0] == 0:
        raise BadInputError(f"{path}: the file holds no transactions; needed: a header and at least one row")
    broken = [(row, rule) for row, rule in zip(found[1:], rules, strict=True) if row is not None]
    if broken:
        row, rule = min(broken, key=lambda pair: pair[0])
        value = connection.execute(f"SELECT {rule.column} FROM raw WHERE row = {row}").fetchall()[0][0]
        shown = "missing" if value is None else mask_card_numbers(repr(value[:60])) if rule.shown else "no plain digits"
        raise BadInputError(f"{path}: row {row}: column {rule.column}: {shown}; allowed: {rule.allowed}")
    return int(found[0])


def _check_table(connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> None:
    repeated = connection.execute(f"""SELECT transaction_id, min(row), max(row) FROM {table}
        GROUP BY transaction_id HAVING count(*) > 1 ORDER BY 2 LIMIT 1""").fetchall()
    outside = connection.execute(f"""SELECT min(row) FROM {table}
        WHERE NOT epoch_ms(event_time) BETWEEN {_FROM_MS} AND {_TO_MS} - 1""").fetchall()[0][0]
    if repeated or outside is not None:
        connection.execute(f"DROP TABLE {table}")
    if repeated:
        identity, first, again = repeated[0]
        raise BadInputError(
            f"{path}: row {again}: column trans_num: {mask_card_numbers(repr(identity))} stands in row {first} already; "
            "allowed: each transaction once"
        )
    if outside is not None:
        raise BadInputError(
            f"{path}: row {outside}: column trans_date_trans_time: not from 2000 to 2099 in UTC; allowed: {ALLOWED}"
        )
