"""The ledger on screen: what became of the templates' resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from cli.progress import console
from local.ledger import Entry


def show_ledger(entries: Sequence[Entry]) -> None:
    """A line for each type and class, with what became of its resources."""
    counts = Counter((entry.class_, entry.type) for entry in entries)
    notes = {of: joined([entry.note for entry in entries if (entry.class_, entry.type) == of]) for of in counts}
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("what became of it", "resources", "type", "how"):
        # a type is looked for as it is written: it goes on in the next line rather than ending with dots
        table.add_column(name, justify="right" if name == "resources" else "left", overflow="fold")
    for (class_, kind), count in sorted(counts.items()):
        table.add_row(class_, str(count), kind, notes[class_, kind])
    console.print()
    console.print(table)


def joined(notes: Sequence[str]) -> str:
    """Notes of several resources as one: what they say alike once, and the numbers at their ends.

    >>> joined(["calls: 3", "calls: 1,024", "calls: 3"])
    'calls: 3, 1,024, 3'
    >>> joined(["in memory", "in memory"])
    'in memory'
    """
    if len(set(notes)) == 1:
        return notes[0]
    said = [note.rpartition(": ") for note in notes]
    heads = {head for head, _, _ in said}
    return "; ".join(f"{head}: {', '.join(tail for other, _, tail in said if other == head)}" for head in sorted(heads))
