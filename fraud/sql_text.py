"""How SQL writes what is not SQL."""

from __future__ import annotations


def quoted(text: object) -> str:
    """Text as SQL writes it.

    >>> quoted("o'hara")
    "'o''hara'"
    """
    return "'" + str(text).replace("'", "''") + "'"
