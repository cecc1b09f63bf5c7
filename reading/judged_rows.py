"""Every row of a person's file: as a transaction, its card number made a token, or with what is wrong with it.

`reading.transactions` refuses a file for its first wrong row, as a person at a screen wants it; here no row takes another along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from fraud.card_numbers import holds_card_number, mask_card_numbers
from fraud.fields import BY_NAME, OPTIONAL_FIELDS, Field
from fraud.sql_text import quoted
from fraud.transaction import ALLOWED, card_token
from reading.card_numbers import DOUBTFUL
from reading.errors import BadInputError
from reading.event_times import ALLOWED as MOMENTS
from reading.event_times import timed_view, unknown_zones
from reading.mapping.relation import opened_by
from reading.mended import mended
from reading.rules import RULES, Rule, optional_rules, value
from reading.source import Source
from reading.transactions import Reading, raw_fields

KEPT = tuple(field for field in OPTIONAL_FIELDS if not field.protected)
"""Of the fields that may be missing: what is protected identifies the holder, and stays behind."""
_KINDS = {"flag": (pa.bool_(), "BOOLEAN"), "number": (pa.float64(), "DOUBLE")}
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        *((name, pa.string()) for name in ("transaction_id", "cc_num", "merchant", "category")),
        ("amount_cents", pa.int64()),
        ("event_ms", pa.int64()),
        ("merch_lat", pa.float64()),
        ("merch_long", pa.float64()),
        ("is_fraud", pa.int8()),
        *((field.name, _KINDS.get(field.kind, (pa.string(), ""))[0]) for field in KEPT),
    ]
)
"""Of the transactions: `row` from 1; `is_fraud` is missing where nothing is known."""
_TOKEN = "[0-9a-f]{32}"
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Wrong:
    """A row that is no transaction.

    Attributes:
        row: its number in the file, from 1.
        what: the field that is wrong, or `form`.
        reason: what is wrong with it, and what is allowed.
        shown: the row's fields, without the card's number and what is protected; None of a row that has no fields.
    """

    row: int
    what: str
    reason: str
    shown: str | None


@dataclass(frozen=True)
class Judged:
    """A file's rows: those of `transactions`, of `wrong` and of `left_out` are all that it has.

    Attributes:
        transactions: of SCHEMA, in the file's order.
        wrong: the others.
        left_out: {condition of the mapping: how many rows it leaves out}.
    """

    transactions: pa.Table
    wrong: list[Wrong]
    left_out: dict[str, int]


def judged_rows(path: Path, key: bytes, reading: Reading) -> Judged:
    """The rows of one file.

    Args:
        path: CSV, JSON lines or Parquet, packed or not.
        key: the card-token key; what is a token already stays as it is.
        reading: how to read it. Its label may be missing.

    Raises:
        BadInputError: the file as a whole cannot be read: names it and what is wrong.
    """
    try:
        return _judged(path, key, reading)
    except BadInputError:
        told = replace(reading.mapping.told, encoding=reading.mapping.told.encoding or reading.encoding)
        with mended(path, told) as whole:
            if whole is None:
                raise
            again = replace(reading, mapping=replace(reading.mapping, told=whole.told), encoding=None)
            try:
                found = _judged(whole.path, key, again)
            except BadInputError as error:
                raise BadInputError(str(error).replace(str(whole.path), str(path))) from error
            numbers = pa.array([whole.rows[row - 1] for row in found.transactions["row"].to_pylist()], pa.int64())
            broken = [Wrong(row, "form", reason, None) for row, reason in whole.broken.items()]
            kept = [replace(each, row=whole.rows[each.row - 1]) for each in found.wrong]
            transactions = found.transactions.set_column(0, "row", numbers)
            return Judged(transactions, sorted([*broken, *kept], key=lambda each: each.row), found.left_out)


def _judged(path: Path, key: bytes, reading: Reading) -> Judged:
    with opened_by(path, reading.mapping, reading.encoding, labelled=False) as taken:
        left_out, (columns, table) = taken.counts_left_out(), taken.table(labelled=False)
    if not len(table) and not any(left_out.values()):
        raise BadInputError(f"{path}: the file holds no transactions; needed: a header and at least one row")
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET temp_directory = ''")  # card numbers reach no disk
        connection.register("mapped_columns", table)
        fields = [each for each in OPTIONAL_FIELDS if each.name in columns]
        connection.execute(
            f"""CREATE TEMP VIEW raw AS SELECT row, is_fraud, label, failed, {raw_fields(Source("mapped_columns", columns))}
            FROM mapped_columns"""
        )
        rules = [
            *_failures(connection, reading),
            *_rules(reading),
            *optional_rules(fields),
            *_doubtful(connection, fields),
            *_times(connection),
        ]
        cases = " ".join(f"WHEN {rule.broken} THEN {place}" for place, rule in enumerate(rules))
        connection.execute(f"CREATE TEMP TABLE judged AS SELECT row, CASE {cases} END AS broken FROM raw")
        connection.execute(
            "CREATE TEMP VIEW sound AS SELECT raw.* FROM raw JOIN judged USING (row) WHERE broken IS NULL"
        )
        timed_view(connection, taken.places, "sound", "timed", reading.zone)
        skipped = [row for (row,) in connection.execute("SELECT row FROM timed WHERE skipped").fetchall()]
        never = Rule("event_time", "", "times that were, or another zone", "the clocks were put forward over it")
        wrong = [
            *_wrong(connection, rules, list(columns), "SELECT row, broken FROM judged WHERE broken IS NOT NULL"),
            *_wrong(connection, [never], list(columns), "SELECT row, 0 AS broken FROM timed WHERE skipped"),
        ]
        return Judged(
            _transactions(connection, key, fields, bool(skipped)), sorted(wrong, key=lambda each: each.row), left_out
        )


def _failures(connection: duckdb.DuckDBPyConnection, reading: Reading) -> list[Rule]:
    """Rules against expressions of the mapping that fail."""
    found = connection.execute(
        "SELECT DISTINCT failed FROM mapped_columns WHERE failed IS NOT NULL ORDER BY 1"
    ).fetchall()
    allowed = "a value that the expression takes"
    return [
        Rule(which.split()[-1], f"failed = {quoted(which)}", allowed, f"{which} of {reading.mapping.named} fails")
        for (which,) in found
    ]


def _rules(reading: Reading) -> list[Rule]:
    mapping = reading.mapping
    labels = f"{', '.join(mapping.fraud)} (fraud), {', '.join(mapping.honest)} (honest), or nothing"
    return [
        *(
            replace(
                rule,
                broken=f"cc_num IS NULL OR NOT regexp_full_match(cc_num, '[0-9]{{12,19}}|{_TOKEN}')",
                allowed=f"{rule.allowed}; or its token",
            )
            if rule.field == "cc_num"
            else replace(rule, allowed=ALLOWED.get(rule.field, ""))
            if rule.field != "event_time"
            else rule
            for rule in RULES
        ),
        Rule("is_fraud", "is_fraud IS NULL AND trim(label) <> ''", labels, "another value"),
    ]


def _doubtful(connection: duckdb.DuckDBPyConnection, fields: Sequence[Field]) -> list[Rule]:
    """Rules against texts that hold card numbers."""
    rules = []
    texts = [each.name for each in fields if each.is_text]
    for name in ("transaction_id", "merchant", "category", *texts):
        found = connection.execute(f"SELECT DISTINCT {name} FROM raw WHERE regexp_matches({name}, ?)", [DOUBTFUL])
        held = [(text,) for (text,) in found.fetchall() if holds_card_number(text)]
        if held:
            table = f"doubtful_{name}"
            connection.execute(f"CREATE TEMP TABLE {table} (text VARCHAR)")
            connection.executemany(f"INSERT INTO {table} VALUES (?)", held)
            allowed = "text without one (an id of 12 to 19 digits may be hashed)"
            rules.append(Rule(name, f"{name} IN (SELECT text FROM {table})", allowed, "holds a card number"))
    return rules


def _times(connection: duckdb.DuckDBPyConnection) -> list[Rule]:
    """Rules against what stands behind times and is no zone, and against what is another way than the first time."""
    unknown = ", ".join(quoted(each) for each in unknown_zones(connection, "raw"))
    rules = (
        [Rule("event_time", f"zone IN ({unknown})", MOMENTS, "no offset and no time zone behind it")] if unknown else []
    )
    there = "clock_ms IS NOT NULL" + (f" AND zone NOT IN ({unknown})" if unknown else "")
    kinds = connection.execute(
        f"SELECT trim(zone) = '' AS bare, min(row) FROM raw WHERE {there} GROUP BY 1 ORDER BY 2"
    ).fetchall()
    if len(kinds) == 2:
        has, lacks = ("an offset", "none") if kinds[0][0] else ("no offset", "one")
        broken = f"{there} AND (trim(zone) = '') <> {kinds[0][0]}"
        allowed = "all times of a file with an offset, or all without"
        rules.append(Rule("event_time", broken, allowed, f"has {has}, the rows before it {lacks}"))
    return rules


def _wrong(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], columns: list[str], which: str) -> list[Wrong]:
    found = connection.execute(
        f"SELECT w.row, w.broken, {', '.join(columns)} FROM ({which}) AS w JOIN raw ON w.row = raw.row"
    )
    wrong = []
    while rows := found.fetchmany(10_000):
        for row, broken, *values in rows:
            rule, texts = rules[broken], dict(zip(columns, values, strict=True))
            text = texts.get(rule.field)
            said = "missing" if text is None and not rule.instead else rule.instead or _masked(text)
            shown = {name: _masked(text) for name, text in texts.items() if not _hidden(name)}
            reason = f"{rule.field}: {said}; allowed: {rule.allowed}"
            wrong.append(Wrong(row, rule.field, reason, json.dumps(shown, ensure_ascii=False)))
    return wrong


def _hidden(name: str) -> bool:
    return name == "cc_num" or BY_NAME[name].protected


def _masked(text: Any) -> str | None:
    return None if text is None else mask_card_numbers(str(text)[:_SHOWN_CHARACTERS])


def _transactions(
    connection: duckdb.DuckDBPyConnection, key: bytes, fields: Sequence[Field], skipped: bool
) -> pa.Table:
    cards = [card for (card,) in connection.execute("SELECT DISTINCT cc_num FROM timed").fetchall()]
    tokens = [
        card if len(card) == 32 else card_token(card, key) for card in cards
    ]  # a card number has 19 digits at most
    connection.register(
        "tokens", pa.table({"card": pa.array(cards, pa.string()), "token": pa.array(tokens, pa.string())})
    )
    there = {field.name for field in fields}
    besides = ", ".join(
        value(field) if field.name in there else f"NULL::{_KINDS.get(field.kind, ('', 'VARCHAR'))[1]} AS {field.name}"
        for field in KEPT
    )
    made = connection.sql(
        f"""SELECT row, transaction_id, token AS cc_num, merchant, category,
            CAST(round(amount_number * 100) AS BIGINT) AS amount_cents, event_ms, merch_lat_number AS merch_lat,
            merch_long_number AS merch_long, is_fraud{f", {besides}" if besides else ""}
        FROM timed JOIN tokens ON cc_num = card {"WHERE NOT skipped" if skipped else ""} ORDER BY row"""
    ).to_arrow_table()
    return made.cast(SCHEMA)
