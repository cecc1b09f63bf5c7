"""JSON lines: an object a line, its keys the columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import duckdb

from fraud.sql_text import quoted
from reading.errors import BadInputError
from reading.forms.part import Kind, handle, plain
from reading.text import utf8_text

_LONGEST = 16_000_000
_ALLOWED = 'a JSON object in each line, as {"amount": 12.5}'


@dataclass(frozen=True)
class JsonLines:
    """An opened file of JSON lines, its values taken as text; see `Part`. A key that a row lacks is missing there."""

    path: Path
    names: Sequence[str]
    said: str
    text: BinaryIO

    @property
    def reads(self) -> str:
        """The path that the SQL of its rows names."""
        return handle(self.text)

    def kinds(self, names: Sequence[str]) -> Mapping[str, Kind]:
        """All text."""
        return dict.fromkeys(names, "text")

    def rows(self, names: Sequence[str]) -> str:
        """SQL of its rows."""
        chosen = "".join(
            f", json_extract_string(json, {quoted(_pointer(name))}) AS c{place}" for place, name in enumerate(names)
        )
        return f"(SELECT row_number() OVER () AS row{chosen} FROM {_objects(self.text)})"

    def broken(self, error: Exception) -> BadInputError:
        """The first line that is no object."""
        return _first_broken(self.path, self.text) or BadInputError(
            f"{self.path}: cannot be read as JSON lines: {plain(error)}"
        )


@contextmanager
def opened_json_lines(path: Path, content: BinaryIO, encoding: str | None) -> Iterator[JsonLines]:
    """A file of JSON lines, to be read while this is open; its columns are the keys of all its rows.

    Raises:
        BadInputError: it is no text, or a line is no object: names the line.
    """
    with utf8_text(path, content, encoding) as (text, said), duckdb.connect() as connection:
        try:
            keys = connection.execute(
                f"SELECT json_keys(json) AS keys, bool_and(json_type(json) = 'OBJECT') FROM {_objects(text)} AS f GROUP BY 1"
            ).fetchall()
        except duckdb.Error as error:
            raise JsonLines(path, (), said, text).broken(error) from error
        if not all(is_object for _, is_object in keys):
            raise JsonLines(path, (), said, text).broken(ValueError("a line is no object"))
        names = tuple(dict.fromkeys(name for names, _ in sorted(keys, key=_most_first) for name in names))
        yield JsonLines(path, names, said, text)


def _most_first(found: tuple[list[str], bool]) -> tuple[int, list[str]]:
    return -len(found[0]), found[0]


def _objects(text: BinaryIO) -> str:
    return f"read_json_objects({handle(text)}, format='newline_delimited', maximum_object_size={_LONGEST})"


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _first_broken(path: Path, text: BinaryIO) -> BadInputError | None:
    text.seek(0)
    lines = io.TextIOWrapper(text, encoding="utf-8-sig")
    row = 0
    try:
        for line, content in enumerate(lines, 1):
            if not content.strip():
                continue
            row += 1
            try:
                is_object = isinstance(json.loads(content), dict)
            except ValueError:
                is_object = False
            if not is_object:
                return BadInputError(f"{path}: line {line}, row {row}: no JSON object; allowed: {_ALLOWED}")
    finally:
        lines.detach()
    return None
