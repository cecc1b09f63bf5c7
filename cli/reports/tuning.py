"""The page of a study: its trials and what each parameter did; and the page of families side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from cli.reports.page import FRAUD, HONEST, INK, new_figure, svg, write_page
from cli.tuning.study import TrialRow, best_of
from fraud.search_space import SPACE
from sagemaker_src.tuning.families import Compared


def tuning_report(path: Path, rows: Sequence[TrialRow], parts: Mapping[str, int], file: str) -> None:
    """Write the page of a study.

    Args:
        rows: its trials, one of which ran to its end; the first had training's defaults.
        parts: of `sagemaker_src.tuning.judging.Parts.said`.
        file: the name of the file of features.
    """
    best = best_of(list(rows))
    early = sum(row.ended_early for row in rows)
    write_page(
        path,
        "tuning.html",
        title="Card-fraud model: tuning",
        lead=_lead(parts, file),
        tiles=[
            (f"{best.value:.4f}", "average precision of the best trial"),
            (f"{rows[0].value:.4f}", "of training's defaults, the first trial"),
            (str(len(rows)), "trials"),
            (str(early), "of them ended early"),
            (f"{sum(row.seconds for row in rows) / 60:.1f} min", "that they took together"),
        ],
        course=_course(rows),
        charts=_charts(rows),
        best=best.number,
        chosen=[(each.name, _number(best.parameters[each.name]), each.says) for each in SPACE],
        names=[each.name for each in SPACE],
        trials=[
            (row, f"{row.value:.4f}", f"{row.seconds:.1f}", [_number(row.parameters[each.name]) for each in SPACE])
            for row in sorted(rows, key=lambda row: (row.ended_early, -row.value, row.number))
        ],
    )


def families_report(path: Path, compared: Sequence[Compared], parts: Mapping[str, int], file: str) -> None:
    """Write the page of families, side by side."""
    write_page(
        path,
        "families.html",
        title="Card-fraud models: families",
        lead=_lead(parts, file),
        families=[
            (
                each.family,
                f"{each.average_precision:.4f}",
                f"{each.recall:.4f}",
                f"{each.fit_s:.1f}",
                f"{each.score_us:.1f}",
                f"{each.size / 1e6:.2f}",
            )
            for each in compared
        ],
    )


def _lead(parts: Mapping[str, int], file: str) -> str:
    def day(name: str) -> str:
        return f"{pd.Timestamp(parts[name], unit='ms'):%Y-%m-%d}"

    return (
        f"{file}: fitted on {parts['fitted_rows']:,} rows before {day('fitted_until')}, judged on {parts['judged_rows']:,} from "
        f"{day('validation_from')} to before {day('labelled_until')} (UTC). Rows from {day('test_from')} on are the test; "
        "nothing here has seen them."
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _least(rows: Sequence[TrialRow]) -> float:
    """Where charts begin: values far below the defaults' would hide the rest."""
    whole = [row.value for row in rows if not row.ended_early]
    return max(min(whole), max(whole) - 0.1) - 0.005


def _course(rows: Sequence[TrialRow]) -> Markup:
    figure = new_figure(10, 3)
    axes = figure.add_subplot()
    best = accumulate((0.0 if row.ended_early else row.value for row in rows), max)
    axes.step([row.number for row in rows], list(best), where="post", color=INK, linewidth=1, label="best so far")
    for early, colour, says in ((False, HONEST, "ran to its end"), (True, FRAUD, "ended early")):
        shown = [row for row in rows if row.ended_early is early]
        axes.scatter([row.number for row in shown], [row.value for row in shown], s=18, color=colour, label=says)
    axes.set(xlabel="Trial", ylabel="Average precision")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=_least(rows))
    axes.legend(frameon=False, loc="lower right")
    axes.grid(alpha=0.2)
    return svg(figure, "The average precision of each trial, and the best so far")


def _charts(rows: Sequence[TrialRow]) -> list[Markup]:
    drawn = []
    for each in SPACE:
        figure = new_figure(4.6, 2.4)
        axes = figure.add_subplot()
        for early, colour in ((True, FRAUD), (False, HONEST)):
            shown = [row for row in rows if row.ended_early is early]
            axes.scatter([row.parameters[each.name] for row in shown], [row.value for row in shown], s=14, color=colour)
        axes.set(xlabel=each.name, ylabel="Average precision", xscale="log" if each.log else "linear")
        _plain(axes, log=each.log, whole=each.whole)
        axes.set_ylim(bottom=_least(rows))
        axes.grid(alpha=0.2)
        drawn.append(svg(figure, f"The average precision of the trials by {each.name}"))
    return drawn


def _plain(axes: Axes, *, log: bool, whole: bool) -> None:
    """Numbers as they are typed, few enough to be read: beside powers of ten matplotlib writes every step between them."""
    if log:
        low, high = axes.get_xlim()
        steps = (1, 2, 5) if high < 300 * low else (1,)
        axes.xaxis.set_major_locator(MaxNLocator(4) if high < 10 * low else LogLocator(subs=steps))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    elif whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
