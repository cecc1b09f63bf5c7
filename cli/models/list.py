"""`fraud models list`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.applications import EnvironmentOption
from cli.models.registry import Version, registry
from cli.models.shown import NONE, figure, lacks, screen, serves, status, when
from cli.options import whole
from fraud.champion import Approved
from fraud.notation import NotationError, decimal_number
from fraud.promotion import COMPARED


def list(
    env: EnvironmentOption = None,
    count: Annotated[int, whole("How many of the newest.", 1, 10_000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON, with all that is known.")] = False,
) -> None:
    """List the versions of the model, newest first: status, figures, and which of them serves and why.

    Of each it says whether this release, the one that the command is of, computes all features that it takes. Figures are those
    that it was registered with, on rows that it had not seen.

    Example: fraud models list

    Example: fraud models list --env prod --json
    """
    with registry(env) as models:
        versions, served = models.versions(), models.served()
        shown = versions[:count]
        says = serves(models, versions, served)
        rows = [(one, models.judged(one, served)) for one in shown]
    if as_json:
        told = {"endpoint": served.status, "serves": says, "versions": [_as_json(*row) for row in rows]}
        typer.echo(json.dumps(told, separators=(",", ":")))
        return
    out = screen()
    if rows:
        out.print(_table(rows))
    if len(versions) > len(shown):
        out.print(f"{len(versions) - len(shown):,} older: --count shows more", markup=False)
    out.print(says, markup=False)


def _table(rows: Any) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("version", "status", "registered (UTC)", "serves", *COMPARED):
        table.add_column(name, justify="right" if name in COMPARED else "left", no_wrap=True)
    table.add_column("note", overflow="fold")
    for version, judged in rows:
        figures = (figure(_figure(version, name)) for name in COMPARED)
        note = lacks(judged) or version.says
        serves_now = "serves" if judged.serves else ""
        table.add_row(version.name, status(version), when(version), serves_now, *figures, note or NONE)
    return table


def _figure(version: Version, name: str) -> float | None:
    """A figure that it was registered with; None where it has none."""
    try:
        return decimal_number(version.metadata[name])
    except (KeyError, NotationError):
        return None


def _as_json(version: Version, judged: Approved) -> dict[str, Any]:
    return {
        "version": version.number,
        "arn": version.arn,
        "status": version.status,
        "says": version.says,
        "registered": version.registered.isoformat(),
        "serves": judged.serves,
        "uncomputed": [*judged.uncomputed],
        "problem": judged.problem or None,
        "figures": {name: _figure(version, name) for name in COMPARED},
        "model": version.url,
        "evaluation": version.evaluation_url,
    }
