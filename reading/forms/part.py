"""One file of a person's, opened: its columns, and SQL of its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from fraud.card_numbers import mask_card_numbers
from reading.errors import BadInputError

Kind = Literal["text", "binary", "number", "single", "yes or no", "time", "moment"]
"""What a column holds: `single` is a number of 4 bytes, `time` a clock's reading, `moment` a point in time."""


class Part(Protocol):
    """An opened file, whatever its form."""

    @property
    def path(self) -> Path:
        """Its name."""

    @property
    def names(self) -> Sequence[str]:
        """Of its columns, in its order."""

    @property
    def said(self) -> str:
        """What was found out of it that nobody said, or empty."""

    @property
    def reads(self) -> str:
        """The path that the SQL of its rows names, quoted."""

    def kinds(self, names: Sequence[str]) -> Mapping[str, Kind]:
        """What columns hold; raises BadInputError for what is read of none."""

    def rows(self, names: Sequence[str]) -> str:
        """SQL of its rows: columns `c0`, `c1`, ... for the named ones, and `row`, from 1."""

    def broken(self, error: Exception) -> BadInputError:
        """What is wrong with it, where the engine could not read it: names the line where that can be found."""


def handle(file: BinaryIO) -> str:
    """The path of an open file, quoted."""
    # DuckDB takes `data[1].csv` for a pattern, and reads data1.csv: it gets no name that a person chose
    return f"'/proc/self/fd/{file.fileno()}'"


def plain(error: Exception) -> str:
    """The first line of an engine's error, without our names for things and what of the file is nobody's business."""
    return mask_card_numbers(re.sub(r"[\"']?/proc/self/fd/\d+[\"']?", "the file", str(error).splitlines()[0]))
