"""Text whose values are separated: CSV, TSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fraud.sql_text import quoted
from reading.errors import BadInputError
from reading.forms.csv_rows import LONGEST_LINE, first_malformed, first_widths, header
from reading.forms.part import Kind, handle, plain
from reading.text import utf8_text

DELIMITERS = (",", ";", "\t", "|")
"""What may stand between the values, if nothing else is said."""


@dataclass(frozen=True)
class Delimited:
    """An opened file of separated values, all of them text; see `Part`."""

    path: Path
    names: Sequence[str]
    said: str
    delimiter: str
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
        columns = ", ".join(f"'f{place}': 'VARCHAR'" for place in range(len(self.names)))
        chosen = "".join(f", f{self.names.index(name)} AS c{place}" for place, name in enumerate(names))
        return f"""(SELECT row_number() OVER () AS row{chosen} FROM read_csv({self.reads}, header=true,
            auto_detect=false, columns={{{columns}}}, delim={quoted(self.delimiter)}, quote='"', escape='"', strict_mode=true,
            max_line_size={LONGEST_LINE}))"""

    def broken(self, error: Exception) -> BadInputError:
        """The first row that is none."""
        found = first_malformed(self.path, self.text, len(self.names), self.delimiter)
        return found or BadInputError(f"{self.path}: cannot be read as CSV: {plain(error)}")


@contextmanager
def opened_delimited(path: Path, content: BinaryIO, encoding: str | None, delimiter: str | None) -> Iterator[Delimited]:
    """A file of separated values, to be read while this is open.

    Args:
        path: its name, for errors.
        content: its bytes.
        encoding: see `reading.text`.
        delimiter: between the values; None: one of DELIMITERS, as header and first row have it.

    Raises:
        BadInputError: it is no text, or has no header.
    """
    with utf8_text(path, content, encoding) as (text, said):
        delimiter = delimiter or _delimiter(text)
        names = header(path, text, delimiter)
        if len(names) == 1 and names[0].lstrip().startswith("{"):
            raise BadInputError(
                f"{path}: the content is JSON, but the name says CSV; name it .jsonl, a row in each line"
            )
        yield Delimited(path, names, said, delimiter, text)


def _delimiter(text: BinaryIO) -> str:
    widths = {each: first_widths(text, each) for each in DELIMITERS}
    # most columns, of those with which the first row has as many values as the header
    return max(DELIMITERS, key=lambda each: (widths[each][:1] == widths[each][1:] != [1], widths[each][:1]))
