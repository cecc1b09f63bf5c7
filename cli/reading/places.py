"""How errors name a row and a column of a person's file: as the person knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where what is wrong stands.

    Attributes:
        path: the file.
        columns: {field: the file's column that is read as it}; a field that an expression makes of columns is not in it.

    >>> here = Places(Path("t.csv"), {"amount": "amt"})
    >>> here.value(3, "amount"), here.value(3, "category")
    ('t.csv: row 3: column amt', 't.csv: row 3: field category')
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)

    def row(self, row: int) -> str:
        """The file and the row, from 1."""
        return f"{self.path}: row {row}"

    def value(self, row: int, of: str) -> str:
        """The file, the row, and the column that is read as a field, or the field."""
        named = f"column {self.columns[of]}" if of in self.columns else f"field {of}"
        return f"{self.row(row)}: {named}"
