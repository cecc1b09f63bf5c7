"""What a value of a transaction must be, whatever column it was read from; checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from fraud.card_numbers import mask_card_numbers
from fraud.fields import Field
from fraud.sql_text import quoted
from fraud.transaction import ALLOWED as ALLOWED_VALUES
from fraud.transaction import MAX_AMOUNT_CENTS
from reading.errors import BadInputError
from reading.event_times import ALLOWED
from reading.places import Places

NUMBERS = {
    "amount": "[0-9]{1,12}([.][0-9]+)?",
    "merch_lat": "[+-]?[0-9]{1,3}([.][0-9]+)?([eE]-?[0-9]{1,3})?",
    "merch_long": "[+-]?[0-9]{1,3}([.][0-9]+)?([eE]-?[0-9]{1,3})?",
}
"""How these are written, where they are text."""

FROM_MS, TO_MS = 946_684_800_000, 4_102_444_800_000
"""2000-01-01 and 2100-01-01."""


@dataclass(frozen=True)
class Rule:
    """What is wrong with a field where `broken` holds, in terms of the columns of the view `raw`, and what is allowed."""

    field: str
    broken: str
    allowed: str
    # A card number is never shown, not even a wrong one, and nobody's gender or age.
    instead: str = ""


def _degrees(field: str, limit: int) -> Rule:
    number = f"{field}_number"
    return Rule(
        field, f"{number} IS NULL OR NOT ({number} BETWEEN -{limit} AND {limit})", f"degrees from -{limit} to {limit}"
    )


RULES = (
    Rule("transaction_id", "transaction_id IS NULL OR NOT regexp_full_match(transaction_id, '[A-Za-z0-9._:-]{1,64}')",
         "1 to 64 letters, digits and ._:-"),
    Rule("event_time", f"clock_ms IS NULL OR NOT (clock_ms >= {FROM_MS} AND clock_ms < {TO_MS})", ALLOWED),
    Rule("cc_num", "cc_num IS NULL OR NOT regexp_full_match(cc_num, '[0-9]{12,19}')",
         "a card number of 12 to 19 digits, as text: without spaces, points or an exponent", "no plain digits"),
    Rule("amount", f"amount_number IS NULL OR NOT (amount_number BETWEEN 0 AND {MAX_AMOUNT_CENTS / 100}) "
         "OR abs(amount_number * 100 - round(amount_number * 100)) > 1e-3",
         "an amount from 0.00 to 999999.99 with at most two decimal places"),
    Rule("merchant", "merchant IS NULL OR trim(merchant) = '' OR length(merchant) > 100", "text of 1 to 100 characters"),
    Rule("category", "category IS NULL OR trim(category) = '' OR length(category) > 100", "text of 1 to 100 characters"),
    _degrees("merch_lat", 90),
    _degrees("merch_long", 180),
)  # fmt: skip
"""Of the fields that every transaction has."""


def optional_rules(fields: Sequence[Field]) -> tuple[Rule, ...]:
    """Of the fields that may be missing, where they are there."""
    return tuple(
        Rule(
            field.name,
            f"{_is_there(field)} AND {_breaks(field)}",
            ALLOWED_VALUES[field.name],
            "a value that is not shown, for the field is protected" if field.protected else "",
        )
        for field in fields
    )


def value(field: Field) -> str:
    """SQL of the value of a field that may be missing, null where it is."""
    kind = {"flag": "BOOLEAN", "number": "DOUBLE"}.get(field.kind, "VARCHAR")
    return f"CASE WHEN {_is_there(field)} THEN CAST({field.name} AS {kind}) END AS {field.name}"


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


def check(connection: duckdb.DuckDBPyConnection, places: Places, rules: Sequence[Rule]) -> int:
    """How many rows the view `raw` has, none of which breaks a rule.

    Raises:
        BadInputError: there is none, or the first that breaks a rule: names the row and the column or field.
    """
    firsts = ", ".join(f"min(row) FILTER (WHERE {rule.broken})" for rule in rules)
    found = connection.execute(f"SELECT count(*), {firsts} FROM raw").fetchall()[0]
    if found[0] == 0:
        raise BadInputError(f"{places.path}: the file holds no transactions; needed: a header and at least one row")
    broken = [(row, rule) for row, rule in zip(found[1:], rules, strict=True) if row is not None]
    if broken:
        row, rule = min(broken, key=lambda pair: pair[0])
        text = connection.execute(f"SELECT {rule.field} FROM raw WHERE row = {row}").fetchall()[0][0]
        shown = "missing" if text is None else rule.instead or mask_card_numbers(repr(text[:60]))
        raise BadInputError(f"{places.value(row, rule.field)}: {shown}; allowed: {rule.allowed}")
    return int(found[0])


def check_table(connection: duckdb.DuckDBPyConnection, places: Places, table: str) -> None:
    """Holds a table of transactions to what can be seen of all of them only; drops it otherwise.

    Raises:
        BadInputError: an id is there twice, or a moment is outside what is allowed.
    """
    repeated = connection.execute(f"""SELECT transaction_id, min(row), max(row) FROM {table}
        GROUP BY transaction_id HAVING count(*) > 1 ORDER BY 2 LIMIT 1""").fetchall()
    outside = connection.execute(f"""SELECT min(row) FROM {table}
        WHERE NOT epoch_ms(event_time) BETWEEN {FROM_MS} AND {TO_MS} - 1""").fetchall()[0][0]
    if repeated or outside is not None:
        connection.execute(f"DROP TABLE {table}")
    if repeated:
        identity, first, again = repeated[0]
        raise BadInputError(
            f"{places.value(again, 'transaction_id')}: {mask_card_numbers(repr(identity))} stands in "
            f"{places.again(first, again)} already; allowed: each transaction once"
        )
    if outside is not None:
        raise BadInputError(f"{places.value(outside, 'event_time')}: not from 2000 to 2099 in UTC; allowed: {ALLOWED}")
