"""The SQL expressions of a mapping: which columns they read, and that they read nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import duckdb

from fraud.card_numbers import mask_card_numbers
from reading.errors import BadInputError

_ALLOWED = "a column's name, or an expression over columns in DuckDB's SQL"


@dataclass(frozen=True)
class Expression:
    """One expression.

    Attributes:
        sql: over the file's columns, each by its quoted name.
        columns: those it reads, as the file names them.
        column: the column that it is, if it is one as it stands.
    """

    sql: str
    columns: tuple[str, ...]
    column: str | None = None


class ColumnMissingError(BadInputError):
    """An expression reads a column that the file does not have.

    Attributes:
        name: the column's.
    """

    def __init__(self, where: str, name: str, names: Sequence[str]) -> None:
        by_name = {each.casefold(): each for each in names}
        near = get_close_matches(name.casefold(), by_name, 1)
        hint = f" (near: {mask_card_numbers(repr(by_name[near[0]]))})" if near else ""
        shown = ", ".join(mask_card_numbers(repr(each)) for each in names[:40])
        super().__init__(f"{where}: the file has no column {mask_card_numbers(repr(name))}{hint}; allowed: {shown}")
        self.name = name


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def expression(where: str, text: str, names: Sequence[str]) -> Expression:
    """The expression that a mapping says.

    Args:
        where: the mapping and the key, for errors.
        text: a column's name as it stands in the file, or an expression.
        names: the file's columns.

    Raises:
        ColumnMissingError: it reads a column that is not there.
        BadInputError: it is neither, or holds a query of its own.
    """
    if text in names:
        return Expression(identifier(text), (text,), text)
    with duckdb.connect() as connection:
        # in brackets, so that it is one expression and nothing more
        tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{text}\n)"]).fetchall()[0][0])
    if tree["error"] or len(tree["statements"]) != 1 or len(tree["statements"][0]["node"].get("select_list", ())) != 1:
        said = tree.get("error_message", "more than one expression")
        raise BadInputError(
            f"{where}: {mask_card_numbers(text)!r} is no column of the file, and it is no expression: {said}; "
            f"allowed: {_ALLOWED}"
        )
    node = tree["statements"][0]["node"]
    nodes = list(_nodes(node))
    if any(each.get("class") == "SUBQUERY" for each in nodes) or node.get("from_table", {}).get("type") != "EMPTY":
        raise BadInputError(f"{where}: holds a query (SELECT, FROM); allowed: {_ALLOWED}")
    if any(each.get("class") == "STAR" for each in nodes):
        raise BadInputError(f"{where}: holds *; allowed: {_ALLOWED}")
    by_name = {name.casefold(): name for name in names}
    read = []
    for each in nodes:
        if each.get("class") == "COLUMN_REF":
            name = each["column_names"][0]
            if name.casefold() not in by_name:
                raise ColumnMissingError(where, name, names)
            read.append(by_name[name.casefold()])
    is_one = node["select_list"][0].get("class") == "COLUMN_REF" and len(node["select_list"][0]["column_names"]) == 1
    return Expression(f"(\n{text}\n)", tuple(dict.fromkeys(read)), read[0] if is_one else None)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
