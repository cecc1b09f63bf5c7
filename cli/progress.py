"""Progress of long work: bars on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Report = Callable[[str, int, int], None]
"""Told (what is being done, steps done, steps in all), as often as one likes."""

_NOTE = " · "
"""What stands behind it may change, as the losses of a training: it is the same thing that is done."""

_LINE_EVERY_S = 20.0

# a file or a pipe has no width of its own: wide enough for the longest of our tables
# a `:x:` in a path or an ARN is no picture
console = Console(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else 160)


@contextmanager
def progress() -> Iterator[Report]:
    """A function to tell of progress; what it is told first becomes a bar (or line) of its own."""
    if not console.is_terminal:
        yield _plain_lines()
        return
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TextColumn("{task.completed:>6,}/{task.total:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            same = what.partition(_NOTE)[0]
            if same not in tasks:
                tasks[same] = bars.add_task(what, total=total)
            bars.update(tasks[same], description=what, completed=done, total=total)

        yield report


def noted(report: Report, what: str) -> Report:
    """A report whose own words are a note on one thing that is done, not a new one each time.

    >>> noted(lambda *told: print(told), "learning")("epoch 7: loss 0.12", 7, 500)
    ('learning · epoch 7: loss 0.12', 7, 500)
    """
    return lambda note, done, total: report(f"{what}{_NOTE}{note}", done, total)


def _plain_lines() -> Report:
    last: dict[str, float] = {}

    def report(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        same, mark, note = what.partition(_NOTE)
        if total == 1:
            if not done:
                print(what, file=sys.stderr, flush=True)
        elif done >= total or now - last.get(same, -_LINE_EVERY_S) >= _LINE_EVERY_S:
            last[same] = now
            print(f"{same}: {done:,} of {total:,}{mark}{note}", file=sys.stderr, flush=True)

    return report
