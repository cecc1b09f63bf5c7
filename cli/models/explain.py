"""`fraud models explain`: what a model looks at, as one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from rich.table import Table

from cli.applications import EnvironmentOption
from cli.models.explained_rows import Explainable, explainable, given_rows, own_rows
from cli.models.shown import screen
from cli.options import whole
from cli.progress import Report, console, progress
from cli.reports.explanations import CURVES, Explained, explanation_page, stability_says
from cli.reports.place import check_page, whole_page
from fraud.model_input import read_model_input
from fraud.vector import SAYS, model_vector
from sagemaker_src.training.explanations import Contributions, contributions, dependence, importance, stability
from sagemaker_src.training.fitting import score
from sagemaker_src.training.leakage import gain_shares

TERMINAL = 10
"""Features on the screen."""


def explain(
    model: Annotated[
        str,
        typer.Argument(
            help="A version, as v7, or a folder that `fraud train` or `fraud evaluate` wrote.", metavar="VERSION|FOLDER"
        ),
    ],
    rows: Annotated[
        Path | None,
        typer.Option(
            help="Feature rows with labels (Parquet), as `fraud features` writes them; default, of a version: those that it was "
            "evaluated on.",
            metavar="FILE",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Another version or folder, on the same rows: how stable the explanations are.",
            metavar="VERSION|FOLDER",
        ),
    ] = None,
    most: Annotated[
        int, whole("How many rows at most, drawn at random; each takes milliseconds.", 10, 1_000_000)
    ] = 3_000,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write, replaced if it is there; default: explained-NAME.html here.", metavar="FILE"
        ),
    ] = None,
    env: EnvironmentOption = None,
    seed: Annotated[int, whole("Of the draw of the rows.", 0, 2**32 - 1)] = 1,
) -> None:
    """Show what a model looks at: importance, dependence of the strongest features, stability between versions.

    One HTML file that needs no network, and a summary on the screen. All of it is made of exact contributions to each row's
    log-odds, as decisions have them for reasons: their mean size by feature beside the gain of training, their course over the
    values of a feature, and with --against how alike another model explains the same rows. Of the rows that the model flags
    as many again are taken, for a column of their own.

    Example: fraud models explain v7 --against v6 --out v7.html

    Example: fraud models explain out/model --rows out/features.parquet
    """
    page = out or Path(
        f"explained-{Path(model).resolve().name if Path(model).is_dir() else model.rpartition('/')[2]}.html"
    )
    check_page(page)
    one = explainable(model, env, with_rows=rows is None)
    other = None if against is None else explainable(against, env, with_rows=False)
    frame, says = own_rows(one, env) if rows is None else given_rows(rows)
    with progress() as report:
        found = _explained(one, other, frame, says, most, seed, report)
    with whole_page(page) as part:
        explanation_page(part, found)
    _show(found)
    console.print(f"Wrote {page}", markup=False, soft_wrap=True)


def _explained(
    one: Explainable,
    other: Explainable | None,
    rows: pd.DataFrame,
    says: str,
    most: int,
    seed: int,
    report: Report,
) -> Explained:
    takes = read_model_input(one.trained.manifest)
    vectors = model_vector(rows, takes)
    random = np.random.default_rng(seed)
    drawn = _drawn(random, np.arange(len(rows)), most)
    review = one.trained.manifest["thresholds"]["review"]
    all_flagged = np.flatnonzero(score(one.trained.model, vectors) >= review)
    flagged = _drawn(random, all_flagged, most)
    report("explaining", 0, 1)
    of_rows = contributions(one.trained.model, takes, vectors[drawn])
    of_flagged = contributions(one.trained.model, takes, vectors[flagged]) if len(flagged) else None
    mean = importance(of_rows.values, takes.names)
    strongest = [name for name in mean if mean[name] > 0][:CURVES]
    places = {name: takes.names.index(name) for name in strongest}
    sample = (
        f"all {len(rows):,} rows" if len(drawn) == len(rows) else f"{len(drawn):,} of {len(rows):,} rows, at random"
    )
    frauds = int(rows["is_fraud"].to_numpy()[drawn].sum())
    beside = f"{len(flagged):,} of them, at random," if len(flagged) < len(all_flagged) else "they"
    apart = f", and {beside} have a column of their own" if len(flagged) else ""
    explained = Explained(
        name=one.name,
        rows=f"{one.name} on {says}: {sample}, {frauds:,} of them fraud. The model flags {len(all_flagged):,} of all "
        f"{len(rows):,}{apart}.",
        apart=max(of_rows.apart, of_flagged.apart if of_flagged else 0.0),
        importance=mean,
        flagged=(importance(of_flagged.values, takes.names) if of_flagged else {}, len(flagged)),
        gain=gain_shares(one.trained.model),
        dependence={
            name: dependence(vectors[drawn, place], of_rows.values[:, place], takes.categories.get(name))
            for name, place in places.items()
        },
    )
    report("explaining", 1, 1)
    if other is None:
        return explained
    return _against(explained, (of_rows, takes.names), other, rows.iloc[drawn])


def _against(
    explained: Explained, of_one: tuple[Contributions, tuple[str, ...]], other: Explainable, rows: pd.DataFrame
) -> Explained:
    """What is known of a model, and how alike another one explains the same rows."""
    takes = read_model_input(other.trained.manifest)
    of_other = contributions(other.trained.model, takes, model_vector(rows, takes))
    name = other.name if other.name != explained.name else f"{other.name} (2)"
    return replace(explained, stability=stability(of_one, (of_other, takes.names)), against=name)


def _drawn(random: np.random.Generator, places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Places of rows in their order: all, or as many as are allowed at random."""
    return places if len(places) <= most else np.sort(random.choice(places, most, replace=False))


def _show(found: Explained) -> None:
    out = screen()
    out.print(found.rows, markup=False)
    flagged, count = found.flagged
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("feature", no_wrap=True)
    for name in ("mean |contribution|", f"of {count:,} flagged", "gain"):
        table.add_column(name, justify="right")
    table.add_column("what it is", overflow="fold")
    for name in [name for name, mean in found.importance.items() if mean > 0][:TERMINAL]:
        of_flagged = f"{flagged[name]:.4f}" if count else "-"
        gain = f"{found.gain.get(name, 0.0):.1%}"
        table.add_row(name, f"{found.importance[name]:.4f}", of_flagged, gain, SAYS.get(name, name))
    out.print(table)
    if found.stability:
        out.print(stability_says(found), markup=False)
