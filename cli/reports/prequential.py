"""The page of a model over time: period by period, fitted anew and as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cli.reports.figures import figure_text, interval_text
from cli.reports.page import FRAUD, HONEST, INK, new_figure, svg, write_page
from cli.times import day_of

_SAYS = {"retrained": "fitted anew each period", "static": "fitted once, before the first"}
_SURE = {"average_precision": "Average precision", "recall_at_fpr_0.001": "Recall at 0.1% false positives"}
_ALONE = {
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.01": "Recall at 1% false positives",
    "card_precision": "Card precision at 100 a day",
    "card_precision_best": "The most that it can be",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
}


def prequential_report(path: Path, told: Mapping[str, Any], lead: str, facts: Sequence[tuple[str, str]]) -> None:
    """Write the page.

    Args:
        path: the file.
        told: as `sagemaker_src.training.prequential.prequential` returns it.
        lead: the sentence below the title.
        facts: how it was made: (what, value).
    """
    together, periods = told["together"], told["periods"]
    write_page(
        path,
        "prequential.html",
        title="Card-fraud model: over time",
        lead=lead,
        tiles=[
            (
                figure_text(together["retrained"]["average_precision"]["value"]),
                f"average precision, {_SAYS['retrained']}",
            ),
            (figure_text(together["static"]["average_precision"]["value"]), f"average precision, {_SAYS['static']}"),
            (str(len(periods)), "periods"),
            (f"{together['rows']:,}", "transactions"),
            (f"{together['frauds']:,}", "frauds"),
        ],
        charts=[(says, _over_time(periods, name, says)) for name, says in _SURE.items()],
        ageing=[(says, _differences(periods, name, says)) for name, says in _SURE.items()],
        together=[
            *(
                (
                    says,
                    *(interval_text(together[arm][name]) for arm in _SAYS),
                    interval_text(together["difference"][name], "+"),
                )
                for name, says in _SURE.items()
            ),
            *((says, *(figure_text(together[arm][name]) for arm in _SAYS), "") for name, says in _ALONE.items()),
        ],
        arms=list(_SAYS.values()),
        rows=[_row(each) for each in periods],
        draws=told["resampled"]["times"],
        facts=facts,
    )


def _row(told: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        day_of(told["from_ms"]),
        f"{told['rows']:,}",
        f"{told['frauds']:,}",
        *(interval_text(told[arm]["average_precision"]) for arm in _SAYS),
        interval_text(told["difference"]["average_precision"], "+"),
        *(figure_text(told[arm]["card_precision"]) for arm in _SAYS),
    )


def _over_time(periods: Sequence[Mapping[str, Any]], name: str, says: str) -> Markup:
    """A figure of both arms, period by period."""
    figure = new_figure()
    axes = figure.add_subplot()
    for arm, color, aside in (("retrained", HONEST, -0.08), ("static", FRAUD, 0.08)):
        _drawn(axes, [each[arm][name] for each in periods], color, "o-", aside=aside, markersize=4, label=_SAYS[arm])
    axes.set(ylabel=says, ylim=(-0.02, 1.05))
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    _days(axes, periods)
    return svg(figure, f"{says} of each period, {_SAYS['retrained']} and {_SAYS['static']}: figures in the table")


def _differences(periods: Sequence[Mapping[str, Any]], name: str, says: str) -> Markup:
    """What fitting anew gains, period by period: how the model ages."""
    figure = new_figure()
    axes = figure.add_subplot()
    axes.axhline(0, color=INK, linewidth=0.8)
    _drawn(axes, [each["difference"][name] for each in periods], HONEST, "o", markersize=5)
    axes.set(ylabel="Gain by fitting anew")
    _days(axes, periods)
    return svg(figure, f"{says}: what fitting anew each period gains over the model of the first")


def _drawn(
    axes: Any, figures: Sequence[Mapping[str, Any]], color: str, style: str, *, aside: float = 0, **more: Any
) -> None:
    """A figure of each period with its interval; one without a value is left out."""
    known = [(place + aside, each) for place, each in enumerate(figures) if each["value"] is not None]
    places = [place for place, _ in known]
    low, high = ([each[edge] for _, each in known] for edge in ("low", "high"))
    axes.vlines(places, low, high, color=color, alpha=0.4, linewidth=3)
    axes.plot(places, [each["value"] for _, each in known], style, color=color, **more)


def _days(axes: Any, periods: Sequence[Mapping[str, Any]]) -> None:
    every = max(1, len(periods) // 8)
    axes.set_xticks(range(0, len(periods), every))
    axes.set_xticklabels([day_of(each["from_ms"]) for each in periods[::every]], rotation=35, ha="right", fontsize=8)
    axes.grid(axis="y", alpha=0.2)
