"""A file's columns: each once, each named.

Columns are read by their position, so that no name in a file can meet one of ours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from fraud.card_numbers import mask_card_numbers
from reading.errors import BadInputError

_LONGEST_SHOWN = 40


def check_named(path: Path, names: Sequence[str]) -> None:
    """Holds each column to having a name.

    Raises:
        BadInputError: one has none.
    """
    unnamed = next((position for position, name in enumerate(names) if not _plain(name)), None)
    if unnamed is not None:
        raise BadInputError(
            f"{path}: column {unnamed + 1} has no name; needed: a name for each column (pandas leaves the rows' numbers out "
            "with index=False)"
        )


def check_once(path: Path, names: Sequence[str]) -> None:
    """Holds the names of a file's columns to being there once; columns without a name are left alone.

    Raises:
        BadInputError: a name stands twice, also if only its case, spaces, quotes or invisible characters differ.
    """
    plain = [_plain(name) for name in names]
    firsts: dict[str, int] = {}
    for position, name in enumerate(plain):
        first = firsts.setdefault(name, position)
        if name and first < position:
            raise BadInputError(
                f"{path}: the column {_shown(names[first])} is there twice: column {first + 1} is {_shown(names[first])}, "
                f"column {position + 1} is {_shown(names[position])}; allowed: each column once"
            )


def _plain(name: str) -> str:
    visible = "".join(letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return visible.strip().strip("\"'").strip().casefold()


def _shown(name: str) -> str:
    # the header of a file without one is its first transaction
    text = repr(mask_card_numbers(name))
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
