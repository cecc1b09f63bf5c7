"""What the columns of a file hold, as far as it tells which field they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from reading.forms.part import Kind
from reading.source import Source

_LOOKED_AT = 5_000
_MOST_LEVELS = 20


@dataclass(frozen=True)
class Profile:
    """One column.

    Attributes:
        name, kind: as the file has them.
        values: those of the first rows that are not blank, as text.
        rows: how many rows the file has.
        distinct: about how many different values the whole file has there.
        levels: {value: how often it is there}, in the whole file, if there are few.
    """

    name: str
    kind: Kind
    values: Sequence[str]
    rows: int
    distinct: int
    levels: dict[str, int] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name, in small letters without marks.

        >>> Profile("TX_Händler-Name", "text", (), 0, 0).words
        ('tx', 'handler', 'name')
        """
        plain = "".join(
            letter for letter in unicodedata.normalize("NFKD", self.name) if not unicodedata.combining(letter)
        )
        return tuple(re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).casefold()))

    def all_match(self, pattern: str) -> bool:
        """Whether there are values, each of which is of a pattern."""
        return bool(self.values) and all(re.fullmatch(pattern, value) for value in self.values)


def profiles(connection: duckdb.DuckDBPyConnection, source: Source) -> list[Profile]:
    """What each column of an opened file holds."""
    texts = {name: f"trim(CAST({_plain(column, kind)} AS VARCHAR))" for name, (column, kind) in source.columns.items()}
    counts = ", ".join(f"approx_count_distinct(nullif({text}, ''))" for text in texts.values())
    rows, *distinct = connection.execute(f"SELECT count(*), {counts} FROM {source.relation} AS f").fetchall()[0]
    first = connection.execute(
        f"SELECT {', '.join(texts.values())} FROM {source.relation} AS f WHERE row <= {_LOOKED_AT} ORDER BY row"
    ).fetchall()
    found = []
    for place, (name, text) in enumerate(texts.items()):
        values = [values[place] for values in first if values[place]]
        levels = _levels(connection, source, text) if distinct[place] <= _MOST_LEVELS else {}
        found.append(Profile(name, source.columns[name][1], values, int(rows), int(distinct[place]), levels))
    return found


def all_different(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> bool:
    """Whether a column has another value in each row."""
    column = source.columns[name][0]
    found = connection.execute(
        f"SELECT count(*) = count(DISTINCT CAST({column} AS VARCHAR)) FROM {source.relation} AS f"
    ).fetchall()
    return bool(found[0][0])


def _levels(connection: duckdb.DuckDBPyConnection, source: Source, text: str) -> dict[str, int]:
    counted = f"SELECT {text} AS level, count(*) FROM {source.relation} AS f GROUP BY 1 ORDER BY 2 DESC, 1"
    return {level: int(count) for level, count in connection.execute(counted).fetchall() if level}


def _plain(column: str, kind: Kind) -> str:
    return f"TRY(decode({column}))" if kind == "binary" else column
