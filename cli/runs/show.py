"""`fraud runs show`: one run."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from cli.models.shown import screen
from cli.runs.kept import FIGURES, Kept, OfApplication, found, kept, opened, place_of, shown
from cli.tracking import TrackingUri


def show(
    run: Annotated[str, typer.Argument(help="Its id, or how it begins.", metavar="RUN")],
    tracking_uri: TrackingUri = None,
    env: OfApplication = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON.")] = False,
) -> None:
    """Show a run: how it ended, what it was asked, on what data, its figures, its trials, and where its pages are.

    Example: fraud runs show 3fa9c2d1
    """
    with opened(place_of(tracking_uri, env)) as store:
        one = found(store, run)
        trials = [kept(each) for each in store.children(one.id)]
        files = [file.path for file in store.client.list_artifacts(one.id)]
    if as_json:
        told = {**one.as_json(), "files": files, "trials": [each.as_json() for each in trials]}
        typer.echo(json.dumps(told, separators=(",", ":")))
        return
    out = screen()
    facts = {"run": one.id, "name": one.name, "status": one.status, "started": f"{one.started:%Y-%m-%d %H:%M:%S} UTC"}
    facts |= {"took": one.took, "files": f"{one.artifacts}: {', '.join(files) or 'none'}", **one.tags}
    out.print(_pairs("", facts))
    out.print(_pairs("parameter", dict(one.parameters)))
    out.print(_pairs("figure", {name: shown(name, value) for name, value in one.metrics.items()}))
    if trials:
        out.print(_trials(trials))


def _pairs(head: str, rows: dict[str, str]) -> Table:
    table = Table(box=None, show_header=bool(head), header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(head, no_wrap=True)
    table.add_column("", overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _trials(trials: list[Kept]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    names = [*dict.fromkeys(name for each in trials for name in each.parameters)]
    for name in ("run", "name", "status", FIGURES[0], *names):
        table.add_column(name, justify="right" if name == FIGURES[0] else "left", no_wrap=True)
    for each in sorted(trials, key=lambda each: -each.metrics.get(FIGURES[0], 0)):
        asked = (each.parameters.get(name, "-") for name in names)
        table.add_row(each.short, each.name, each.status, shown(FIGURES[0], each.metrics.get(FIGURES[0])), *asked)
    return table
