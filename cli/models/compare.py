"""`fraud models compare`: the evaluations of two versions side by side, or a shadow beside the champion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from cli.applications import EnvironmentOption
from cli.endings import EndedError
from cli.models.registry import Models, Version, registry
from cli.models.shadow import show_shadow
from cli.models.shown import between, figure, named, scalars, screen
from fraud.clock import day_of
from fraud.promotion import COMPARED
from reading.errors import BadInputError

WORSE = 1
"""The exit status where the second is surely worse."""


class Compared(NamedTuple):
    """Two evaluations.

    Attributes:
        one, other: the versions; a difference is what the other has more.
        figures: {name: (of the one, of the other)}.
        difference: {name, or `segments`: the paired difference with its 95% interval}; None where none was computed.
        says: on which rows, as a sentence.
    """

    one: Version
    other: Version
    figures: dict[str, tuple[float | int | None, float | int | None]]
    difference: Mapping[str, Any] | None
    says: str

    @property
    def worse(self) -> list[str]:
        """Of the figures that decide, those that are surely lower: the whole interval of the difference lies below nothing."""
        told = self.difference or {}
        return [name for name in COMPARED if (high := told.get(name, {}).get("high")) is not None and high < 0]


def compare(
    one: Annotated[str | None, typer.Argument(help="A version, as v6.", metavar="A")] = None,
    other: Annotated[str | None, typer.Argument(help="Another one, as v7.", metavar="B")] = None,
    shadow: Annotated[
        bool,
        typer.Option(
            "--shadow",
            help="In place of A and B: the champion with the candidate that is its shadow, or was the last one.",
        ),
    ] = False,
    env: EnvironmentOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object of JSON, with all segments, or the whole comparison of a shadow.")
    ] = False,
) -> None:
    """Show the evaluations of two versions side by side, or a shadow beside the champion on live traffic.

    It says what B has more than A. Where one was evaluated against the other, on the very same rows, the differences of the
    figures that decide are paired and have 95% intervals, and segments are named in which they surely differ; else each stands
    on its own rows. `fraud report --version ARN --against ARN` makes a page of the two, with a threshold to move. The exit
    status is 1 where B is surely worse.

    With --shadow: how the serving model and the candidate that is its shadow answer the live requests, until now; where none is,
    how the last one did, with the address of its page. The exit status is 1 where the candidate does not keep the limits.

    Example: fraud models compare v6 v7

    Example: fraud models compare v6 v7 --env prod --json

    Example: fraud models compare --shadow
    """
    if shadow and one is not None:
        raise BadInputError(f"--shadow and {one}: allowed: --shadow alone, or two versions")
    if not shadow and (one is None or other is None):
        raise BadInputError("allowed: two versions, as `fraud models compare v6 v7`, or --shadow")
    with registry(env) as models:
        if one is None or other is None:
            show_shadow(models, as_json=as_json)
            return
        versions = models.versions()
        ours, theirs = models.version(one, versions), models.version(other, versions)
        if ours.name == theirs.name:
            raise BadInputError(f"A and B are both {ours.name}; allowed: two versions")
        found = _compared(models, ours, theirs)
    if as_json:
        figures = {name: {"one": left, "other": right} for name, (left, right) in found.figures.items()}
        told = {"one": found.one.name, "other": found.other.name, "rows": found.says, "figures": figures}
        typer.echo(json.dumps({**told, "difference": found.difference, "worse": found.worse}, separators=(",", ":")))
    else:
        _show(found)
    if found.worse:
        raise EndedError(
            f"{found.other.name} is surely worse than {found.one.name}: {', '.join(map(named, found.worse))}", WORSE
        )


def _compared(models: Models, one: Version, other: Version) -> Compared:
    evaluations = []
    for version in (one, other):
        evaluation = models.evaluation(version)
        if evaluation is None:
            raise BadInputError(
                f"{version.name}: no evaluation is known of it; it was registered by hand or by a release before 2026-11-28, or "
                "the file is gone"
            )
        evaluations.append(evaluation)
    ours, theirs = evaluations
    beside, by_turns = _beside(theirs, ours), _beside(ours, theirs)
    if beside is not None:
        metrics, difference = (beside, theirs["metrics"]), theirs.get("difference")
        says = f"{other.name} was evaluated against {one.name}, both on {_rows(theirs)}."
    elif by_turns is not None:
        metrics, difference = (ours["metrics"], by_turns), _turned(ours.get("difference"))
        says = f"{one.name} was evaluated against {other.name}, both on {_rows(ours)}."
    else:
        metrics, difference = (ours["metrics"], theirs["metrics"]), None
        says = (
            f"Neither was evaluated against the other: {one.name} on {_rows(ours)}, {other.name} on {_rows(theirs)}. Part of a "
            "difference may be that of the rows."
        )
    left, right = map(scalars, metrics)
    figures = {name: (left.get(name), right.get(name)) for name in {**left, **right}}
    return Compared(one, other, figures, difference, says)


def _beside(evaluation: Mapping[str, Any], of: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The metrics of a model in the evaluation of another one; None where it was not evaluated beside."""
    champion = evaluation.get("champion")
    return champion["metrics"] if champion and champion["model_version"] == of["model_version"] else None


def _turned(difference: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The difference the other way round.

    >>> _turned({"recall": {"value": 0.5, "low": 0.25, "high": None}, "segments": []})
    {'recall': {'value': -0.5, 'low': None, 'high': -0.25}, 'segments': []}
    """

    def less(value: float | None) -> float | None:
        return None if value is None else -value

    def turned(told: Mapping[str, Any]) -> dict[str, Any]:
        return {**told, "value": less(told["value"]), "low": less(told["high"]), "high": less(told["low"])}

    if difference is None:
        return None
    return {
        name: [turned(each) for each in told] if name == "segments" else turned(told)
        for name, told in difference.items()
    }


def _rows(evaluation: Mapping[str, Any]) -> str:
    tested = evaluation["held_out"]
    days = f"{day_of(tested['from_ms'])} to {day_of(tested['to_ms'])}"
    return f"{tested['rows']:,} rows of {days} ({tested['frauds']:,} frauds)"


def _show(found: Compared) -> None:
    out = screen()
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    for name in (found.one.name, found.other.name, "difference"):
        table.add_column(name, justify="right")
    table.add_column("95% interval")
    told = found.difference or {}
    for name, (left, right) in found.figures.items():
        more = (
            "-"
            if left is None or right is None
            else f"{right - left:+,}"
            if _whole(left, right)
            else f"{right - left:+.4f}"
        )
        table.add_row(named(name), figure(left), figure(right), more, between(told.get(name), "+"))
    out.print(table)
    out.print(found.says, markup=False)
    for each in told.get("segments", ()):
        if between(each) and (each["low"] > 0 or each["high"] < 0):
            what = f"{each['segment']} {each['group']} ({each['frauds']:,} frauds)"
            out.print(f"  {what}: recall at 0.1% {each['value']:+.4f} ({between(each, '+')})", markup=False)


def _whole(left: float, right: float) -> bool:
    return isinstance(left, int) and isinstance(right, int)
