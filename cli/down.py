"""`fraud down`: ends what `fraud up` started."""

from __future__ import annotations

from cli.progress import console
from local.aws.standing import stop


def down() -> None:
    """End every process that `fraud up` started, and remove what they wrote.

    Works as well when the processes were killed.

    Example: fraud down
    """
    console.print("The application is down." if stop() else "Nothing was up.", markup=False)
