"""A file's columns: each once, and where those that are read stand.

Columns are read by their position, so that no name in a file can meet one of ours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from cli.errors import BadInputError
from fraud.transaction import mask_card_numbers

_LONGEST_SHOWN = 40


def positions(path: Path, names: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Where the wanted columns stand, {name: position from 0}. Columns without a name are left alone.

    Raises:
        BadInputError: a name stands twice, also if only its case, spaces, quotes or invisible characters differ, or a
            wanted one is missing.
    """
    stands: dict[str, int] = {}
    for position, name in enumerate(names):
        plain = _plain(name)
        if plain and plain in stands:
            first = stands[plain]
            raise BadInputError(
                f"{path}: the column {_shown(names[first])} is there twice: column {first + 1} is {_shown(names[first])}, "
                f"column {position + 1} is {_shown(name)}; allowed: each column once"
            )
        stands[plain] = position
    missing = [column for column in wanted if column not in names]
    if missing:
        raise BadInputError(
            f"{path}: the column {', '.join(missing)} is missing{_hint(names, stands, missing)}; needed: {', '.join(wanted)}"
        )
    return {column: names.index(column) for column in wanted}


def _plain(name: str) -> str:
    visible = "".join(letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return visible.strip().strip("\"'").strip().casefold()


def _hint(names: Sequence[str], stands: dict[str, int], missing: Sequence[str]) -> str:
    alike = [column for column in missing if column in stands]
    if alike:
        return f" ({_shown(names[stands[alike[0]]])} is there: write it as {alike[0]})"
    if len(names) == 1:
        separators = [mark for mark in (";", "\t", "|") if mark in names[0]]
        if separators:
            return f" (the values are separated by {separators[0]!r}; needed: a comma)"
    return ""


def _shown(name: str) -> str:
    # the header of a file without one is its first transaction
    text = repr(mask_card_numbers(name))
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
