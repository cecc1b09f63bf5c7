"""Which expression of a mapping fails, and at which row: looked for once reading has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from fraud.card_numbers import mask_card_numbers
from reading.errors import BadInputError
from reading.mapping.expressions import Expression, identifier

if TYPE_CHECKING:
    from reading.mapping.relation import Taken

_CARD = "cc_num"


def failure(taken: Taken, error: duckdb.Error) -> BadInputError:
    """Which expression fails, at which row, with the values there.

    Args:
        taken: what was being read.
        error: what the engine said.

    Raises:
        duckdb.Error: it is of the file, not of the mapping.
    """
    # conditions first: what else is evaluated depends on which rows they keep
    for (where, key), part in sorted(taken.parts.items(), key=lambda item: item[0][0] != "leave_out"):
        kept = taken.kept if where != "leave_out" else "true"
        sql = taken.field(key) if where == "fields" else part.sql
        said = f"{taken.mapping.named}: [{where}] {key}"
        if _fails(taken, sql, f"FROM (SELECT * FROM {taken.file} LIMIT 0)"):
            plain = mask_card_numbers(str(error).splitlines()[0])
            return BadInputError(f"{said}: {plain}; allowed: an expression in DuckDB's SQL (a CSV holds text)")
        if (row := _first_failure(taken, sql, f"FROM {taken.file} WHERE {kept}")) is not None:
            shown = "" if key == _CARD else f" of {_values(taken, part, row)}"
            return BadInputError(
                f"{taken.places.row(row)}: {said} fails{shown}; allowed: an expression that takes every row"
            )
    raise error


def _first_failure(taken: Taken, sql: str, rows: str) -> int | None:
    """The first row where it fails; None: it fails at none."""
    if not _fails(taken, sql, rows):
        return None
    last = taken.connection.execute(f"SELECT max({taken.row}) FROM {taken.file}").fetchall()[0][0]
    below, first = 0, int(last)
    while first - below > 1:
        middle = (below + first) // 2
        fails = _fails(taken, sql, f"{rows} AND {taken.row} <= {middle}")
        below, first = (below, middle) if fails else (middle, first)
    return first


def _fails(taken: Taken, sql: str, rows: str) -> bool:
    try:
        taken.connection.execute(f"SELECT max(CAST(v AS VARCHAR)) FROM (SELECT {sql} AS v {rows})")
    except duckdb.Error:
        return True
    return False


def _values(taken: Taken, part: Expression, row: int) -> str:
    card = taken.parts["fields", _CARD].columns
    columns = [name for name in part.columns if name not in card]
    if not columns:
        return "its columns"
    named = ", ".join(map(identifier, columns))
    values = taken.connection.execute(f"SELECT {named} FROM {taken.file} WHERE {taken.row} = {row}").fetchall()[0]
    return ", ".join(
        f"{name} {mask_card_numbers(repr(str(value)[:60]))}" for name, value in zip(columns, values, strict=True)
    )
