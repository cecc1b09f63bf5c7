"""How errors name a row and a column of a person's file: as the person knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where what is wrong stands.

    Attributes:
        path: the file, or the folder or pattern of several.
        columns: {field: the file's column that is read as it}; a field that an expression makes of columns is not in it.
        firsts: (the rows before a file's first one, the file), in their order, if there are several.

    >>> here = Places(Path("t.csv"), {"amount": "amt"})
    >>> here.value(3, "amount"), here.value(3, "category")
    ('t.csv: row 3: column amt', 't.csv: row 3: field category')
    >>> Places(Path("in"), firsts=((0, Path("in/a.csv")), (3, Path("in/b.csv")))).row(4)
    'in/b.csv: row 1'
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    firsts: tuple[tuple[int, Path], ...] = ()

    def row(self, row: int) -> str:
        """The file and the row in it, from 1."""
        before, path = next((each for each in reversed(self.firsts) if each[0] < row), (0, self.path))
        return f"{path}: row {row - before}"

    def again(self, row: int, after: int) -> str:
        """A row, with its file where that is not the file of another row."""
        here, there = self.row(row), self.row(after)
        path, _, number = here.rpartition(": ")
        return number if there.startswith(f"{path}: ") else here

    def value(self, row: int, of: str) -> str:
        """The file, the row, and the column that is read as a field, or the field."""
        named = f"column {self.columns[of]}" if of in self.columns else f"field {of}"
        return f"{self.row(row)}: {named}"
