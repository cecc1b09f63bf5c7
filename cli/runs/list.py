"""`fraud runs list`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from cli.models.shown import screen
from cli.options import whole
from cli.runs.kept import FIGURES, OfApplication, kept, opened, place_of, shown
from cli.tracking import TrackingUri


def list(
    tracking_uri: TrackingUri = None,
    env: OfApplication = None,
    count: Annotated[int, whole("How many of the newest.", 1, 10_000)] = 20,
    trials: Annotated[
        bool, typer.Option("--trials", help="Also the trials of studies, each a run of its own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="An array of JSON, with all that is known.")] = False,
) -> None:
    """List the runs, newest first: what made them, how they ended, their figures.

    A run whose process was killed is KILLED from the next command on that opens the place.

    Example: fraud runs list

    Example: fraud runs list --trials --json --tracking-uri out/runs
    """
    with opened(place_of(tracking_uri, env)) as store:
        runs = [kept(run) for run in store.runs(count, nested=trials)]
    if as_json:
        typer.echo(json.dumps([run.as_json() for run in runs], separators=(",", ":")))
        return
    out = screen()
    if not runs:
        out.print(f"No run is kept in {store.where}", markup=False)
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("run", "command", "name", "status", "started (UTC)", "took", *FIGURES):
        table.add_column(name, justify="right" if name in (*FIGURES, "took") else "left", no_wrap=True)
    for run in runs:
        figures = (shown(name, run.metrics.get(name)) for name in FIGURES)
        table.add_row(run.short, run.command, run.name, run.status, f"{run.started:%Y-%m-%d %H:%M}", run.took, *figures)
    out.print(table)
