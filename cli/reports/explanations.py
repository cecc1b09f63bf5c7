"""The page of what a model looks at: importance, dependence, and how stable both are from one version to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from cli.reports.page import FRAUD, HONEST, INK, new_figure, svg, write_page
from fraud.vector import SAYS
from sagemaker_src.training.explanations import Bin, Stability

SHOWN = 15
"""Features in the chart and the table of the most important ones."""
CURVES = 8
"""Features whose dependence is drawn."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What is known of a model.

    Attributes:
        name: of the model, for people.
        rows: a sentence on the rows that were explained.
        apart: how far the sums of contributions were from the log-odds, at most.
        importance: {feature: mean absolute contribution over all rows}, the most first.
        flagged: the same over the rows that the model flags, and how many there are.
        gain: {feature: its share of the total gain}.
        dependence: {feature: its bins}, of the most important ones.
        stability: how alike another model explains the same rows; None without another one.
        against: that one's name.
    """

    name: str
    rows: str
    apart: float
    importance: dict[str, float]
    flagged: tuple[dict[str, float], int]
    gain: dict[str, float]
    dependence: dict[str, list[Bin]]
    stability: Stability | None = None
    against: str = ""


def explanation_page(path: Path, explained: Explained) -> None:
    """Write the page as one HTML file."""
    flagged, count = explained.flagged
    counted = [name for name, mean in explained.importance.items() if mean > 0]
    top = counted[:SHOWN]
    write_page(
        path,
        "explanations.html",
        title=f"What the model looks at: {explained.name}",
        lead=explained.rows,
        apart=f"{explained.apart:.1e}",
        chart=_bars(explained, top),
        flagged=count,
        silent=len(explained.importance) - len(counted),
        table=[
            (
                SAYS.get(name, name),
                name,
                f"{explained.importance[name]:.4f}",
                f"{flagged[name]:.4f}" if count else "-",
                f"{explained.gain.get(name, 0.0):.1%}",
            )
            for name in top
        ],
        curves=[(SAYS.get(name, name), name, _curve(name, bins)) for name, bins in explained.dependence.items()],
        stability=stability_says(explained),
        moved=_moved(explained),
        against=explained.against,
    )


def stability_says(explained: Explained) -> str:
    """How alike the two models are, in a sentence; empty without another one."""
    found = explained.stability
    if found is None:
        return ""
    order = "-" if found.order is None else f"{found.order:.3f}"
    scores = "-" if found.scores is None else f"{found.scores:.3f}"
    new = [each.name for each in found.features if each.one is None]
    gone = [each.name for each in found.features if each.other is None]
    only = "".join(
        f" {which} takes {', '.join(names)}, and the other does not."
        for which, names in ((explained.against, new), (explained.name, gone))
        if names
    )
    return (
        f"On the same rows, the order of the features by importance correlates by {order} (Spearman) between {explained.name} "
        f"and {explained.against}, and their log-odds by {scores}.{only}"
    )


def _bars(explained: Explained, top: Sequence[str]) -> Markup:
    flagged, count = explained.flagged
    figure = new_figure(10, 0.42 * len(top) + 1.0)
    axes = figure.add_subplot()
    places = range(len(top))
    axes.barh(
        [place - 0.2 for place in places],
        [explained.importance[name] for name in top],
        0.4,
        color=HONEST,
        label="all rows",
    )
    if count:
        axes.barh(
            [place + 0.2 for place in places], [flagged[name] for name in top], 0.4, color=FRAUD, label="flagged rows"
        )
        axes.legend(frameon=False, loc="lower right")
    axes.set(
        yticks=list(places),
        yticklabels=[SAYS.get(name, name) for name in top],
        xlabel="Mean |contribution| to the log-odds",
    )
    axes.invert_yaxis()
    told = ", ".join(f"{SAYS.get(name, name)} {explained.importance[name]:.3f}" for name in top)
    return svg(figure, f"Mean absolute contribution: {told}")


def _curve(name: str, bins: Sequence[Bin]) -> Markup:
    figure = new_figure(5.4, 3.0)
    axes = figure.add_subplot()
    places = list(range(len(bins)))
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.vlines(
        places, [each.low for each in bins], [each.high for each in bins], color=HONEST, linewidth=5, alpha=0.35
    )
    axes.plot(places, [each.mean for each in bins], "o", color=HONEST, markersize=5)
    axes.set(ylabel="Contribution", xticks=places)
    axes.set_xticklabels([each.says for each in bins], rotation=35, ha="right", fontsize=8)
    axes.grid(axis="y", alpha=0.2)
    told = "; ".join(f"{each.says}: {each.mean:+.3f} of {each.rows:,} rows" for each in bins)
    return svg(figure, f"Contribution of {SAYS.get(name, name)} by its value: {told}")


def _moved(explained: Explained) -> list[tuple[str, ...]]:
    found = explained.stability
    if found is None:
        return []

    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    return [
        (
            SAYS.get(each.name, each.name),
            each.name,
            share(each.one),
            share(each.other),
            f"{100 * ((each.other or 0.0) - (each.one or 0.0)):+.1f}",
            "-" if each.alike is None else f"{each.alike:.3f}",
        )
        for each in [each for each in found.features if each.one or each.other][:SHOWN]
    ]
