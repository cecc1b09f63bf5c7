"""What a deletion says that the function's time did not suffice for."""

from __future__ import annotations


def unfinished(what: str) -> str:
    """What is still there, and what to do about it.

    >>> unfinished("s3://archive")
    "s3://archive: not all could be deleted in the function's time; delete the stack again"
    """
    return f"{what}: not all could be deleted in the function's time; delete the stack again"
