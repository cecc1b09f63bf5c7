"""`fraud down`: ends what `fraud up` started."""

from __future__ import annotations

from cli.progress import console
from local.background import StandingError, stop
from reading.errors import BadInputError


def down() -> None:
    """End every process that `fraud up` started, and remove what they wrote.

    Works as well when the processes were killed.

    Example: fraud down
    """
    try:
        ended = stop()
    except StandingError as error:
        raise BadInputError(str(error)) from error
    console.print("The application is down." if ended else "Nothing was up.", markup=False)
