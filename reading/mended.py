"""A file in which rows are broken, read without them: one row of another form takes no other with it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from reading.contents import Told, content
from reading.forms.csv_rows import LONGEST_LINE
from reading.forms.delimited import opened_delimited
from reading.text import utf8_text

_QUOTES = "a quoted value that does not end with a quote and a comma"
_OBJECT = 'no JSON object; allowed: a JSON object in each line, as {"amount": 12.5}'


@dataclass(frozen=True)
class Mended:
    """What is left of a file.

    Attributes:
        path: a copy in memory of the rows that are whole, to be read while it is open.
        told: what it holds.
        rows: the number that each of them has in the file, from 1.
        broken: {number: what is wrong} of the others.
    """

    path: Path
    told: Told
    rows: list[int]
    broken: dict[int, str]


@contextmanager
def mended(path: Path, told: Told) -> Iterator[Mended | None]:
    """A CSV or JSON lines without its broken rows; None if it has none, or more of them than others: then it is broken itself.

    Raises:
        BadInputError: it cannot be read at all.
    """
    with content(path, told) as (form, file):
        if form == "parquet":
            yield None
            return
        with os.fdopen(os.memfd_create("mended"), "w+b") as copy:
            out = io.TextIOWrapper(copy, encoding="utf-8", newline="", write_through=True)
            if form == "csv":
                with opened_delimited(path, file, told.encoding, told.delimiter) as opened:
                    rows, broken = _csv(opened.text, len(opened.names), opened.delimiter, out)
            else:
                with utf8_text(path, file, told.encoding) as (text, _):
                    rows, broken = _json_lines(text, out)
            out.detach()
            if not broken or len(broken) > len(rows):
                yield None
                return
            copied = replace(
                told, form=form, packing="none", encoding="utf-8", delimiter="," if form == "csv" else None
            )
            yield Mended(Path(f"/proc/self/fd/{copy.fileno()}"), copied, rows, broken)


def _csv(text: BinaryIO, columns: int, delimiter: str, out: io.TextIOWrapper) -> tuple[list[int], dict[int, str]]:
    text.seek(0)
    lines = io.TextIOWrapper(text, encoding="utf-8-sig", newline="")
    writer = csv.writer(out)
    rows: list[int] = []
    broken: dict[int, str] = {}
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        for number, values in enumerate(_rows(lines, columns, delimiter)):
            if isinstance(values, str):
                broken[number] = values
                continue
            writer.writerow(values[:columns])
            if number:  # the first is the header
                rows.append(number)
    finally:
        csv.field_size_limit(before)
        lines.detach()
    return rows, broken


def _rows(text: Iterator[str], columns: int, delimiter: str) -> Iterator[list[str] | str]:
    r"""The rows of a CSV, its header first, and of each that is none what is wrong with it.

    Where quotes do not fit, the line in which the row begins is the broken one, and reading goes on with the next.

    >>> list(_rows(iter(['a,b\n', '1,"2\n', '3,4\n', '5\n', '6,"x, y"\n']), 2, ","))[2:]
    [['3', '4'], '1 values; allowed: 2, one for each column', ['6', 'x, y']]
    """
    waiting: deque[str] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        while (line := waiting.popleft() if waiting else next(text, None)) is not None:
            taken.append(line)
            yield line

    reader = csv.reader(feed(), strict=True, delimiter=delimiter)
    while True:
        taken.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            problem = f'{_QUOTES}; allowed: "..." around the whole value, "" for a quote in it'
        else:
            # one comma too many at the end takes nothing and moves nothing
            if not values or len(values) == columns or (len(values) == columns + 1 and not values[-1]):
                if values:
                    yield values
                continue
            problem = f"{len(values)} values; allowed: {columns}, one for each column"
        yield problem
        waiting.extendleft(reversed(taken[1:]))
        reader = csv.reader(feed(), strict=True, delimiter=delimiter)


def _json_lines(text: BinaryIO, out: io.TextIOWrapper) -> tuple[list[int], dict[int, str]]:
    text.seek(0)
    rows: list[int] = []
    broken: dict[int, str] = {}
    number = 0
    lines = io.TextIOWrapper(text, encoding="utf-8-sig", newline="\n")
    try:
        for line in lines:
            if not line.strip():
                continue
            number += 1
            try:
                is_object = isinstance(json.loads(line), dict)
            except (ValueError, RecursionError):
                is_object = False
            if is_object:
                out.write(line.rstrip("\r\n") + "\n")
                rows.append(number)
            else:
                broken[number] = _OBJECT
    finally:
        lines.detach()
    return rows, broken
