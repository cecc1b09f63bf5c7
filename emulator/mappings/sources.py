"""What a mapping reads, as its readers see it: `topics` and `streams` are such sources."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from emulator.mappings.batches import Record

PATIENCE_S = 0.2
"""The longest that a source waits without looking whether its reader is stopped."""


class Source(Protocol):
    """Where records come from, for one reader."""

    def take(self, stopping: threading.Event) -> list[Record]:
        """The next batch; empty if nothing came for a moment, or the reader is stopped before it is full."""
        ...

    def done(self, records: Sequence[Record]) -> None:
        """These are processed."""
        ...

    def event(self, records: Sequence[Record]) -> dict[str, Any]:
        """The function's event."""
        ...

    def checkpoints(self, identifiers: Sequence[Any]) -> dict[str, int] | None:
        """See `emulator.mappings.batches.Checkpoints`."""
        ...

    def described(self, records: Sequence[Record]) -> dict[str, Any]:
        """What a record of a failure says of the batch."""
        ...

    def renew(self) -> None:
        """Begins anew after an error, behind what is processed."""
        ...

    def close(self) -> None:
        """Ends reading."""
        ...
