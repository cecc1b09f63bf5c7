"""`fraud models show`: one version, with its evaluation and what it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.applications import EnvironmentOption
from cli.models.registry import Version, registry
from cli.models.shown import between, figure, lacks, named, scalars, screen, status, when
from fraud.champion import Approved
from fraud.clock import day_of

MOST_FEATURES = 12
"""Named on screen; `--json` has all."""


def show(
    version: Annotated[str, typer.Argument(help="As v7, 7, or the ARN of a model package.", metavar="VERSION")],
    env: EnvironmentOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object of JSON: package, manifest and evaluation whole.")
    ] = False,
) -> None:
    """Show a version: its package, its figures with their intervals, what it was trained on, and its evaluation.

    Example: fraud models show v7

    Example: fraud models show 7 --env prod --json
    """
    with registry(env) as models:
        found = models.version(version, models.versions())
        judged = models.judged(found, models.served())
        manifest, evaluation = models.manifest(found), models.evaluation(found)
    if as_json:
        package = {
            "version": found.number,
            "arn": found.arn,
            "status": found.status,
            "says": found.says,
            "registered": found.registered.isoformat(),
            "serves": judged.serves,
            "model": found.url,
            "evaluation": found.evaluation_url,
            "lacks": lacks(judged) or None,
            "metadata": dict(found.metadata),
        }
        told = {"package": package, "manifest": manifest or None, "evaluation": evaluation}
        typer.echo(json.dumps(told, separators=(",", ":")))
        return
    out = screen()
    out.print(_pairs([*_package(found, judged), *_made_of(manifest), *_evaluated(found, evaluation)]))
    if evaluation:
        out.print()
        out.print(_figures(scalars(evaluation["metrics"]), evaluation.get("intervals") or {}))


def _pairs(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _package(version: Version, judged: Approved) -> Iterator[tuple[str, str]]:
    says = f": {version.says}" if version.says else ""
    yield "version", version.name + (", which serves" if judged.serves else "")
    yield "status", f"{status(version)}{says}"
    yield "registered", f"{when(version)} UTC"
    yield "package", version.arn
    yield "archive", version.url
    if problem := lacks(judged):
        yield "cannot serve", problem


def _made_of(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the model was trained on; of one whose manifest says less, less."""
    if not manifest:
        return
    names = manifest.get("feature_names", [])
    more = f" and {len(names) - MOST_FEATURES:,} more" if len(names) > MOST_FEATURES else ""
    yield "model", str(manifest.get("model_version", "-"))
    yield "features", f"{len(names):,}: {', '.join(names[:MOST_FEATURES])}{more}"
    if thresholds := manifest.get("thresholds"):
        yield "thresholds", ", ".join(f"{name} {value:.4f}" for name, value in thresholds.items())
    if data := manifest.get("data"):
        days = f"{day_of(data['from_ms'])} to {day_of(data['to_ms'])}"
        yield (
            "trained on",
            f"{data['rows']:,} rows of {days}, {data['frauds']:,} frauds; fingerprint {data['fingerprint']}",
        )
        if told := data.get("training_set"):
            made = f"labels as of {told['as_of']}, {told['label_delay_days']:g} days of delay"
            version = told["catalogue"]["version"]
            yield "training set", f"{told['fingerprint']}; {made}; features as declared in {version}"


def _evaluated(version: Version, evaluation: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if version.evaluation_url is None:
        yield "evaluation", "none is known: it was registered by hand, or by a release before 2026-11-28"
        return
    yield "evaluation", version.evaluation_url + ("" if evaluation else ", which is not there any more")
    if evaluation:
        tested = evaluation["held_out"]
        days = f"{day_of(tested['from_ms'])} to {day_of(tested['to_ms'])}"
        yield "tested on", f"{tested['rows']:,} rows of {days}, {tested['frauds']:,} frauds, which it had not seen"
        champion = evaluation.get("champion")
        yield "beside", f"model {champion['model_version']}, on the same rows" if champion else "no model"


def _figures(metrics: Mapping[str, float | int | None], intervals: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("95% interval")
    for name, value in metrics.items():
        table.add_row(named(name), figure(value), between(intervals.get(name)))
    return table
