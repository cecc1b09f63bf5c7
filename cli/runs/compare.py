"""`fraud runs compare`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from cli.models.shown import screen
from cli.runs.kept import Kept, OfApplication, found, opened, place_of, shown
from cli.tracking import TrackingUri
from reading.errors import BadInputError

_MOST = 8


def compare(
    runs: Annotated[list[str], typer.Argument(help="Two to eight ids, or how they begin.", metavar="RUN...")],
    tracking_uri: TrackingUri = None,
    env: OfApplication = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON.")] = False,
) -> None:
    """Show runs side by side: the figures of each, and of what they were asked and made of what is not the same.

    Of two runs the difference stands beside: what the second has more.

    Example: fraud runs compare 3fa9c2d1 77b0e4aa
    """
    if not 2 <= len(runs) <= _MOST:
        raise BadInputError(f"RUN: {len(runs)} named; allowed: 2 to {_MOST}")
    with opened(place_of(tracking_uri, env)) as store:
        taken = [found(store, each) for each in runs]
    twice = next((run for place, run in enumerate(taken) if run.id in [each.id for each in taken[:place]]), None)
    if twice is not None:
        raise BadInputError(f"RUN: {twice.short} is named twice; allowed: different runs")
    asked, made = differing([run.parameters for run in taken]), differing([run.tags for run in taken])
    names = [*dict.fromkeys(name for run in taken for name in run.metrics)]
    if as_json:
        figures = {name: [run.metrics.get(name) for run in taken] for name in names}
        told = {"runs": [run.id for run in taken], "parameters": asked, "tags": made, "figures": figures}
        typer.echo(json.dumps(told, separators=(",", ":")))
        return
    out = screen()
    out.print(
        _table(taken, {"": [run.name for run in taken], "status": [run.status for run in taken], **asked, **made})
    )
    out.print(_figures(taken, names))


def differing(told: list[Mapping[str, str]]) -> dict[str, list[str]]:
    """What is not the same in all.

    >>> differing([{"eta": "0.1", "seed": "1"}, {"eta": "0.2", "seed": "1"}])
    {'eta': ['0.1', '0.2']}
    """
    rows = {name: [each.get(name, "-") for each in told] for each_told in told for name in each_told}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _head(taken: list[Kept], first: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for run in taken:
        table.add_column(run.short, justify="right")
    return table


def _table(taken: list[Kept], rows: Mapping[str, list[str]]) -> Table:
    table = _head(taken, "what differs")
    for name, values in rows.items():
        table.add_row(name, *values)
    return table


def _figures(taken: list[Kept], names: list[str]) -> Table:
    table = _head(taken, "figure")
    if len(taken) == 2:
        table.add_column("difference", justify="right")
    for name in names:
        values = [run.metrics.get(name) for run in taken]
        more = []
        if len(taken) == 2:
            one, other = values
            gone = one is None or other is None
            more = ["-" if gone else f"{(other or 0) - (one or 0):+,.4f}"]
        table.add_row(name, *(shown(name, value) for value in values), *more)
    return table
