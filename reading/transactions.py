"""A person's file of transactions, its columns read as fields by a mapping: checked whole, card numbers made tokens.

The checks run before anything is written, and name the file, the row (data rows count from 1), the column and what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from fraud.fields import OPTIONAL_FIELDS
from fraud.row_counts import same_count
from fraud.transaction import card_token
from reading.card_numbers import refuse_card_numbers
from reading.errors import BadInputError
from reading.event_times import Zone, clock_columns, to_moments
from reading.forms.part import Kind
from reading.mapping.relation import mapped
from reading.mapping.toml_file import Mapping, read_mapping
from reading.rules import NUMBERS, RULES, check, check_table, optional_rules, value
from reading.source import Source
from reading.text import checked_encoding
from reading.zones import checked_zone

USUAL = "kaggle"
"""The mapping of a file of which nothing is said."""


@dataclass(frozen=True)
class Reading:
    """How a person's files are to be read.

    Attributes:
        encoding: of text; None: what the mapping says, or what is found.
        zone: what times without an offset mean.
        mapping: which columns are which fields.
    """

    encoding: str | None = None
    zone: Zone = field(default_factory=Zone)
    mapping: Mapping = field(default_factory=lambda: read_mapping(USUAL))


AS_USUAL = Reading()


def checked_reading(encoding: str | None, timezone: str | None = None, columns: str = USUAL) -> Reading:
    """The options `--encoding`, `--timezone` and `--columns`.

    Raises:
        BadInputError: a name is none, the mapping is wrong, or it says otherwise than an option.
    """
    asked = checked_encoding(encoding)
    zone = None if timezone is None else Zone(checked_zone(timezone))
    mapping = read_mapping(columns)
    said = (("--encoding", asked, mapping.told.encoding), ("--timezone", timezone, mapping.zone))
    for option, one, other in said:
        if one is not None and other is not None and one != other:
            raise BadInputError(
                f"{option}: {one}, but {mapping.named} says {other}; allowed: one of them, in one place"
            )
    of_mapping = Zone(mapping.zone, mapping.path.name) if mapping.zone else None
    return Reading(asked, of_mapping or zone or Zone(), mapping)


@dataclass(frozen=True)
class Read:
    """What was read: how many transactions, and a sentence on how their times were taken, what was found out, and which rows were
    left out."""

    transactions: int
    times: str


def read_transactions(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, key: bytes, reading: Reading
) -> Read:
    """Make a table of a file's transactions: `row`, transaction_id, cc_num (token), merchant, category, amount_cents,
    event_time (UTC), merch_lat, merch_long, is_fraud, and those of the fields that may be missing which the file has.

    Args:
        connection: a DuckDB connection in UTC.
        path: CSV, JSON lines or Parquet, packed or not; a folder or a pattern of them.
        table: the name of the table to make.
        key: the card-token key; see `fraud.transaction.card_token`.
        reading: how to read it.

    Raises:
        BadInputError: naming the file and what is wrong with it.
    """
    with mapped(connection, path, reading.mapping, reading.encoding) as (source, places, left_out):
        fields = [each for each in OPTIONAL_FIELDS if each.name in source.columns]
        # A view of the file: no row of it is kept before its card number is a token.
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW raw AS SELECT row, is_fraud, {raw_fields(source)} FROM {source.relation} AS f"
        )
        count = check(connection, places, (*RULES, *optional_rules(fields)))
        texts = [each.name for each in fields if each.is_text]
        refuse_card_numbers(connection, places, "raw", ("merchant", "category", "transaction_id", *texts))
        times = to_moments(connection, places, "raw", "timed", reading.zone)
        cards = [row[0] for row in connection.execute("SELECT DISTINCT cc_num FROM raw").fetchall()]
        connection.execute("CREATE OR REPLACE TEMP TABLE tokens (card_number VARCHAR, token VARCHAR)")
        connection.executemany("INSERT INTO tokens VALUES (?, ?)", [(card, card_token(card, key)) for card in cards])
        create = f"""CREATE OR REPLACE TABLE {table} AS
            SELECT row, transaction_id, t.token AS cc_num, merchant, category,
                CAST(round(amount_number * 100) AS BIGINT) AS amount_cents, epoch_ms(event_ms) AS event_time,
                merch_lat_number AS merch_lat, merch_long_number AS merch_long, is_fraud
                {"".join(f", {value(each)}" for each in fields)}
            FROM timed AS r JOIN tokens AS t ON r.cc_num = t.card_number"""
        made = int(connection.execute(create).fetchall()[0][0])
        same_count(f"reading {path}", count, made)
        connection.execute("DROP TABLE tokens")
        connection.execute("DROP VIEW timed")
        connection.execute("DROP VIEW raw")
        check_table(connection, places, table)
    return Read(count, f"{times}{left_out}")


def raw_fields(source: Source) -> str:
    """SQL of the columns of `raw`: each as text, numbers as DOUBLE too, and the clock's."""
    fields = []
    for name, (column, kind) in source.columns.items():
        text = _as_text(column, kind)
        if name == "event_time":
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
