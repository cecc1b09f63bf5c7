"""What a person sees of a running replay: bars and a table of decisions on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.progress import console
from fraud.decision import Decision

COLOURS = {"approve": "green", "review": "yellow", "block": "bold red"}
_LINE_EVERY_S = 5.0
_TABLE_EVERY_S = 0.25
_ROWS = 12


class TerminalScreen:
    """Bars for the work, and below them the latest decisions as they are made."""

    def __init__(self, phases: dict[str, str]) -> None:
        self._phases = phases
        columns = (
            TextColumn("{task.description:<44}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[count]:>15}"),
            TimeElapsedColumn(),
        )
        self._bars = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}
        self._phase = ""
        self._table: Table | None = None
        self._next_table = 0.0
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._render)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        self._live.stop()

    def phase(self, name: str) -> None:
        """A new phase begins; the last one is done."""
        self._finish()
        self._phase = self._phases[name]
        self._tasks[self._phase] = self._bars.add_task(self._phase, total=None, count="")

    def progress(self, what: str, done: int, total: int) -> None:
        """How far the phase's work is."""
        task = self._tasks[self._phase]
        if total > 1:
            self._bars.update(
                task, description=f"{self._phase}: {what}", completed=done, total=total, count=f"{done:,}/{total:,}"
            )
        else:
            self._bars.update(task, description=f"{self._phase}: {what}")

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Transactions sent of all, and the latest decisions, newest first."""
        self.progress("deciding", sent, total)
        if time.monotonic() >= self._next_table:
            self._next_table = time.monotonic() + _TABLE_EVERY_S
            self._table = decision_table(latest[:_ROWS])

    def _finish(self) -> None:
        if self._phase:
            task = self._bars.tasks[self._tasks[self._phase]]
            total = task.total or 1
            self._bars.update(task.id, description=self._phase, completed=total, total=total)
            self._bars.stop_task(task.id)
            self._table = None

    def _render(self) -> Group:
        return Group(self._bars, *([self._table] if self._table else []))


def decision_table(latest: list[dict[str, Any]]) -> Table:
    """The latest decisions; columns of the decision store."""
    table = Table(expand=True, box=None, header_style="bold", padding=(0, 1))
    for name, width in (("time", 8), ("card", 9), ("amount", 10), ("outcome", 8), ("score", 6)):
        table.add_column(name, width=width, justify="right" if name in ("amount", "score") else "left")
    table.add_column("strongest reason", ratio=1, no_wrap=True)
    for row in latest:
        reasons = Decision.from_json(row["decision"]).reasons
        colour = COLOURS[row["outcome"]]
        score = "-" if row["score"] is None else f"{row['score']:.3f}"
        at = time.strftime("%H:%M:%S", time.gmtime(row["trans_time"] / 1000))
        table.add_row(
            at, row["cc_num"][:8], f"{row['amount_cents'] / 100:,.2f}", f"[{colour}]{row['outcome']}[/]", score,
            reasons[0].text if reasons else row["why"] or "",
        )  # fmt: skip
    return table


class PlainScreen:
    """A line a phase, and one now and then while it goes on."""

    def __init__(self, phases: dict[str, str]) -> None:
        self._phases = phases
        self._phase, self._started, self._next = "", time.monotonic(), 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def phase(self, name: str) -> None:
        """A new phase begins."""
        self._phase, self._next = self._phases[name], time.monotonic() + _LINE_EVERY_S
        self._print(self._phase)

    def progress(self, what: str, done: int, total: int) -> None:
        """How far the phase's work is."""
        if total == 1:
            self._print(f"  {what}")
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY_S
            self._print(f"  {what}: {done:,} of {total:,}")

    def live(self, sent: int, total: int, latest: list[dict[str, Any]]) -> None:
        """Transactions sent of all, and the newest decision."""
        newest = f"; latest: {latest[0]['outcome']} {latest[0]['amount_cents'] / 100:,.2f}" if latest else ""
        self.progress(f"deciding{newest}; sent", sent, total)

    def _print(self, text: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {text}", file=sys.stderr, flush=True)


def new_screen(phases: dict[str, str]) -> TerminalScreen | PlainScreen:
    """The screen that fits where the output goes.

    Args:
        phases: {name: how it is shown}.
    """
    return TerminalScreen(phases) if console.is_terminal else PlainScreen(phases)
