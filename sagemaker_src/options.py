"""Options of the programs here: numbers and dates in one notation, and what is allowed where they are not."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from fraud.notation import NotationError

_Read = TypeVar("_Read")


def typed(read: Callable[[str], _Read]) -> Callable[[str], _Read]:
    """A function of `fraud.notation` as the `type` of an argparse option: what is wrong is said, not only that something is."""

    def checked(text: str) -> _Read:
        try:
            return read(text)
        except NotationError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked
