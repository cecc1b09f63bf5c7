"""What trains models on whole files and scores whole files: a back end of the stack Batch."""

from __future__ import annotations

from typing import Protocol

from lambda_src.object_events import Arrived


class BatchBackEnd(Protocol):
    """Acts on an object that has arrived.

    Each gives a sentence for the log. It is called again for the same object when a message comes again, and must then change
    nothing; whatever it raises has the message come again, and after some times sends it to the dead-letter queue.
    """

    def train(self, arrived: Arrived) -> str:
        """Trains on an object of training rows, or says why not."""

    def score(self, arrived: Arrived) -> str:
        """Scores the rows of an object, or says why not."""
