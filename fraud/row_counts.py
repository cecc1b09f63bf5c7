"""As many rows come out as went in: held at every step that joins, for a join that multiplies or loses rows raises nothing."""

from __future__ import annotations


class RowCountError(Exception):
    """A step made other rows than it was given. Nothing of it may be used."""


def same_count(step: str, given: int, made: int) -> None:
    """Compares two counts.

    Args:
        step: what was done, for the error.
        given: how many rows went in.
        made: how many came out.

    Raises:
        RowCountError: they differ.

    >>> same_count("joining", 24, 48)
    Traceback (most recent call last):
    ...
    fraud.row_counts.RowCountError: joining: 24 rows in, 48 out; nothing is written
    """
    if given != made:
        raise RowCountError(f"{step}: {given:,} rows in, {made:,} out; nothing is written")
