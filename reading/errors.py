"""What a person did wrong, said so that they can mend it."""

from __future__ import annotations


class BadInputError(Exception):
    """A file or an option that cannot be used: the message names it, what is wrong, and what is allowed. Exit status 2."""
