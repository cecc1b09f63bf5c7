"""Labels on the application's bus: the one way in, whichever door a label came through."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from fraud.label import Label
from lambda_src.ports.clients import Client
from lambda_src.ports.event_bus import SOURCE, put_events

LABELLED = "transaction labelled"
"""The detail type of a label; the detail is its wire form."""


class LabelsNotPublishedError(Exception):
    """The bus could not be reached or went on refusing events: those of `labels`, in the order in which they were given."""

    def __init__(self, problem: str, labels: Sequence[Label]) -> None:
        super().__init__(problem)
        self.labels = labels


def publish_labels(
    client: Client, bus: str, labels: Sequence[Label], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Puts an event `transaction labelled` for each label on the bus. One that the bus refuses holds up no other.

    An event may come twice, as on every bus of EventBridge: the same label again changes nothing.

    Args:
        client: of events.
        bus: its name.
        labels: any number.
        sleep: waits so many seconds.

    Raises:
        LabelsNotPublishedError: names those that were not published. To publish them again is safe.
    """
    entries = [
        (label, {"EventBusName": bus, "Source": SOURCE, "DetailType": LABELLED, "Detail": label.to_json()})
        for label in labels
    ]
    refused, problem = put_events(client, entries, sleep)
    if refused:
        raise LabelsNotPublishedError(f"{bus}: {len(refused)} labels refused: {problem}", refused)
