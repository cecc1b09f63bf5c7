"""A file's columns: each once, and where those that are read stand.

Columns are read by their position, so that no name in a file can meet one of ours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from cli.errors import BadInputError
from fraud.card_numbers import mask_card_numbers

_LONGEST_SHOWN = 40


def positions(path: Path, names: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Where the wanted columns, which are there, stand: {name: position from 0}.

    Columns without a name are left alone.

    Raises:
        BadInputError: a name stands twice, also if only its case, spaces, quotes or invisible characters differ.
    """
    _check_once(path, names)
    return {column: names.index(column) for column in wanted}


def all_positions(path: Path, names: Sequence[str]) -> dict[str, int]:
    """Where each column stands, {name: position from 0}, in the file's order.

    Raises:
        BadInputError: a name stands twice, as in `positions`, or is lacking.
    """
    unnamed = next((position for position, name in enumerate(names) if not _plain(name)), None)
    if unnamed is not None:
        raise BadInputError(
            f"{path}: column {unnamed + 1} has no name; needed: a name for each column (pandas leaves the rows' numbers out "
            "with index=False)"
        )
    _check_once(path, names)
    return {name: position for position, name in enumerate(names)}


def _check_once(path: Path, names: Sequence[str]) -> None:
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
