"""A person's files as one relation whose columns are named by us, by their position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import duckdb

from fraud.card_numbers import mask_card_numbers
from reading.columns import check_named, check_once
from reading.contents import NOTHING, Told, content, files_of
from reading.errors import BadInputError
from reading.forms.delimited import opened_delimited
from reading.forms.json_lines import opened_json_lines
from reading.forms.parquet import opened_parquet
from reading.forms.part import Kind, Part

Chosen = Callable[[Sequence[str]], Sequence[str]]
"""Says from the names of a file's columns which of them are read."""


@dataclass(frozen=True)
class Source:
    """Opened files.

    Attributes:
        relation: SQL of all their rows: `row`, from 1, and a column `c0`, `c1`, ... for each that is read.
        columns: {name: (column of `relation`, what it holds)} of those that are read.
        reads: the paths that `relation` names, quoted.
        firsts: (the rows before a file's first one, the file), if there are several.
        said: what was found out that nobody said; begins with `; ` or is empty.
    """

    relation: str
    columns: dict[str, tuple[str, Kind]]
    reads: tuple[str, ...] = ()
    firsts: tuple[tuple[int, Path], ...] = ()
    said: str = ""


@contextmanager
def opened(path: Path, wanted: Chosen | None = None, told: Told = NOTHING) -> Iterator[Source]:
    """A file, or those of a folder or a pattern, to be read while this is open.

    Args:
        path: CSV, JSON lines or Parquet, packed or not; a folder or a pattern of them.
        wanted: says which columns are read; None: all, each of which must have a name.
        told: what is said of them.

    Raises:
        BadInputError: they are none, or their columns or their text are not as they must be. Also in place of an error of
            DuckDB while it is open.
    """
    with opened_parts(path, told) as parts:
        first = parts[0]
        if wanted is None:
            check_named(first.path, first.names)
        chosen = tuple(first.names if wanted is None else wanted(first.names))
        for part in parts:
            check_once(part.path, part.names)
        kinds = _same_kinds(parts, chosen)
        try:
            firsts = _firsts(parts)
            yield Source(
                _union(parts, chosen, firsts),
                {name: (f"c{place}", kinds[name]) for place, name in enumerate(chosen)},
                tuple(part.reads for part in parts),
                tuple((before, part.path) for before, part in zip(firsts, parts, strict=True))
                if len(parts) > 1
                else (),
                _said(parts),
            )
        except duckdb.Error as error:
            raise _broken(parts, chosen, error) from error


@contextmanager
def opened_parts(path: Path, told: Told) -> Iterator[list[Part]]:
    """The files that a path names, to be read while this is open; all of one form, and with the same columns.

    Raises:
        BadInputError: there is none, one cannot be read, or one differs: names the file and the column.
    """
    with ExitStack() as stack:
        parts = [stack.enter_context(_part(each, told)) for each in files_of(path, told)]
        for part in parts[1:]:
            _check_alike(parts[0], part)
        yield parts


@contextmanager
def _part(path: Path, told: Told) -> Iterator[Part]:
    with content(path, told) as (form, file), ExitStack() as stack:
        if form == "parquet":
            yield stack.enter_context(opened_parquet(path, file))
        elif form == "jsonl":
            yield stack.enter_context(opened_json_lines(path, file, told.encoding))
        else:
            yield stack.enter_context(opened_delimited(path, file, told.encoding, told.delimiter))


def _check_alike(first: Part, part: Part) -> None:
    if type(first) is not type(part):
        raise BadInputError(f"{part.path}: of another form than {first.path}; allowed: files of one form")
    for one, other in ((first, part), (part, first)):
        if lacking := [name for name in one.names if name not in other.names]:
            name = mask_card_numbers(repr(lacking[0]))
            raise BadInputError(
                f"{other.path}: the column {name}, which {one.path} has, is not there; allowed: the same columns in all files"
            )


def _same_kinds(parts: Sequence[Part], chosen: Sequence[str]) -> dict[str, Kind]:
    """What the columns hold, in all files the same."""
    first = parts[0]
    kinds = dict(first.kinds(chosen))
    for part in parts[1:]:
        for name, kind in part.kinds(chosen).items():
            if kind != kinds[name]:
                raise BadInputError(
                    f"{part.path}: the column {name} holds {kind}, but in {first.path} {kinds[name]}; "
                    "allowed: the same in all files"
                )
    return kinds


def _firsts(parts: Sequence[Part]) -> list[int]:
    """How many rows stand before the first of each file."""
    if len(parts) == 1:
        return [0]
    with duckdb.connect() as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {part.rows(())} AS f").fetchall()[0][0] for part in parts]
    return list(accumulate(counts[:-1], initial=0))


def _union(parts: Sequence[Part], chosen: Sequence[str], firsts: Sequence[int]) -> str:
    if len(parts) == 1:
        return parts[0].rows(chosen)
    each = (
        f"SELECT * REPLACE (row + {before} AS row) FROM {part.rows(chosen)}"
        for before, part in zip(firsts, parts, strict=True)
    )
    return f"({' UNION ALL '.join(each)})"


def _broken(parts: Sequence[Part], chosen: Sequence[str], error: duckdb.Error) -> BadInputError:
    """What is wrong with the first file that cannot be read."""
    with duckdb.connect() as connection:
        for part in parts:
            try:
                connection.execute(
                    f"SELECT {', '.join(['max(row)', *(f'count(c{n})' for n in range(len(chosen)))])} "
                    f"FROM {part.rows(chosen)} AS f"
                ).fetchall()
            except duckdb.Error as again:
                return part.broken(again)
    return parts[0].broken(error)


def _said(parts: Sequence[Part]) -> str:
    found = list(dict.fromkeys(part.said for part in parts if part.said))
    files = f"; {len(parts):,} files" if len(parts) > 1 else ""
    return files + "".join(f"; {each}" for each in found)
