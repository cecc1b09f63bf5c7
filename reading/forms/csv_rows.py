"""The form of a CSV: its header, and where it breaks the rules of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from reading.errors import BadInputError

LONGEST_LINE = 2_000_000
"""Bytes: what a row may hold. A quote that nothing closes runs into it."""


def header(path: Path, text: BinaryIO, delimiter: str = ",") -> list[str]:
    """The names in the first line, with what quotes them taken off.

    Raises:
        BadInputError: there is none, or it cannot be read.
    """
    with _records(text, delimiter) as records:
        try:
            names: list[str] | None = next(records, None)
        except csv.Error as error:
            raise BadInputError(f"{path}: line 1: a quote that opens there is not closed; needed: a header") from error
    if not names:
        raise BadInputError(f"{path}: line 1 is empty; needed: a header and at least one row")
    return names


def first_widths(text: BinaryIO, delimiter: str, rows: int = 2) -> list[int]:
    """How many values the first rows have, the header among them; fewer of them, where they cannot be read so."""
    widths: list[int] = []
    with _records(text, delimiter) as records, suppress(csv.Error):
        for _ in range(rows):
            widths += [len(values) for values in islice((each for each in records if each), 1)]
    return widths


def first_malformed(path: Path, text: BinaryIO, columns: int, delimiter: str = ",") -> BadInputError | None:
    """What the first row that is none says of itself: its line (of the file) and row (of the data, from 1)."""
    begins, row = 1, -1
    with _records(text, delimiter) as records:
        try:
            for values in records:
                if values:
                    row += 1
                    # one comma too many at the end takes nothing and moves nothing
                    if len(values) != columns and not (len(values) == columns + 1 and not values[-1]):
                        return BadInputError(
                            f"{path}: line {begins}, row {row}: {len(values)} values; allowed: {columns}, one for each column"
                        )
                begins = records.line_num + 1
        except csv.Error:
            return BadInputError(
                f"{path}: line {begins}, row {row + 1}: a quoted value that does not end with a quote and a comma; "
                'allowed: "..." around the whole value, "" for a quote in it'
            )
    return None


@contextmanager
def _records(text: BinaryIO, delimiter: str) -> Iterator[Any]:
    text.seek(0)
    before = csv.field_size_limit(LONGEST_LINE)
    lines = io.TextIOWrapper(text, encoding="utf-8-sig", newline="")
    try:
        yield csv.reader(lines, strict=True, delimiter=delimiter)
    finally:
        lines.detach()
        csv.field_size_limit(before)
