"""The ledger on screen: what became of the templates' resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from cli.progress import console
from local.aws.ledger import Entry


def show_ledger(entries: Sequence[Entry]) -> None:
    """A line for each type and class, with the first note of it."""
    counts = Counter((entry.class_, entry.type) for entry in entries)
    notes = {(entry.class_, entry.type): entry.note for entry in reversed(entries)}
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("what became of it", "resources", "type", "how"):
        table.add_column(name, justify="right" if name == "resources" else "left")
    for (class_, kind), count in sorted(counts.items()):
        table.add_row(class_, str(count), kind, notes[class_, kind])
    console.print()
    console.print(table)
