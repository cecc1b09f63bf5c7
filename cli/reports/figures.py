"""The figures of an evaluation on the report's page: thresholds, cards a day, calibration, costs and segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from cli.reports.page import FRAUD, HONEST, INK, REVIEW, new_figure, svg
from fraud.promotion import SEGMENT_FRAUDS
from sagemaker_src.training.operating import at_thresholds, calibration
from sagemaker_src.training.segments import BANDS

NAMES = {
    "category": "Category", "amount": "Amount", "hour_utc": "Hour of the day, UTC", "card": "Card", "burst": "Burst of frauds",
    "entry_mode": "Entry mode",
}  # fmt: skip
"""The segments of `sagemaker_src.training.segments`, for people."""


def evaluation_values(
    scores: pd.DataFrame, thresholds: Mapping[str, float], told: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What `figures.html` takes.

    Args:
        scores: the test's rows, with `is_fraud` and `score`; ones that lack either are left out.
        thresholds: the model's.
        told: the evaluation of these rows, as evaluation.json holds it; None where there is none, as of a table without cards.
    """
    known = scores.dropna(subset=["is_fraud", "score"])
    label, score = known["is_fraud"].to_numpy(), known["score"].to_numpy()
    calibrated = calibration(label, score)
    return {
        "at_thresholds": [
            (name, *_at(figures)) for name, figures in at_thresholds(label, score, thresholds).items()
        ],
        "calibrated": [(says, figure_text(calibrated[name], digits=5)) for name, says in _CALIBRATION.items()],
        "calibration_chart": _calibration(calibrated["table"]),
        "cards": None if told is None else _cards(told),
        "costs_told": None if told is None else _costs(told["costs"], told["at_thresholds"]),
        "segments": () if told is None else _segments(told["intervals"]["segments"]),
        "segments_chart": None if told is None else _drawn_segments(told["intervals"]),
        "sure": () if told is None else [
            (says, interval_text(told["intervals"][name])) for name, says in _SURE.items()
        ],
        "draws": None if told is None else told["resampled"]["times"],
        "few_frauds": SEGMENT_FRAUDS,
    }  # fmt: skip


_CALIBRATION = {
    "brier": "Brier score, the mean squared difference from what became of it",
    "log_loss": "Log loss",
    "error": "Calibration error: how far score and share of fraud are apart, in ten bins",
}
_SURE = {"average_precision": "Average precision", "recall_at_fpr_0.001": "Recall at 0.1% false positives"}


def figure_text(value: float | None, sign: str = "", digits: int = 4) -> str:
    """A figure as a page has it, `sign="+"` with its sign; a dash where there is none.

    >>> figure_text(0.98765), figure_text(0.01, "+"), figure_text(None)
    ('0.9877', '+0.0100', '-')
    """
    return "-" if value is None else f"{value:{sign}.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def _score(value: float | None) -> str:
    return "above every score" if value is None else f"{value:.4g}"


def interval_text(figure: Mapping[str, float | None], sign: str = "") -> str:
    """A figure with its interval, as `figure_text` has each.

    >>> interval_text({"value": 0.5, "low": 0.4, "high": 0.6})
    '0.5000 (0.4000 to 0.6000)'
    """
    if figure["value"] is None:
        return "-"
    return f"{figure_text(figure['value'], sign)} ({figure_text(figure['low'], sign)} to {figure_text(figure['high'], sign)})"


def _at(figures: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _score(figures["threshold"]),
        f"{figures['flagged']:,}",
        _share(figures["precision"]),
        _share(figures["recall"]),
        figure_text(figures["f1"], digits=3),
    )


def _calibration(table: Sequence[Mapping[str, float]]) -> Markup | None:
    """The share of fraud by the score; None without a row."""
    if not table:
        return None
    figure = new_figure()
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=0.8)
    axes.plot([each["score"] for each in table], [each["fraud"] for each in table], "o-", color=HONEST)
    for each in table:
        place = (each["score"], each["fraud"])
        axes.annotate(f"{each['rows']:,}", place, (5, 5), textcoords="offset points", fontsize=8)
    axes.set(xlabel="Score", ylabel="Share that is fraud", xlim=(-0.02, 1.08), ylim=(-0.02, 1.08))
    axes.grid(alpha=0.2)
    bins = "; ".join(f"score {each['score']:.3f}, fraud {each['fraud']:.1%} of {each['rows']:,} rows" for each in table)
    return svg(figure, f"The share that is fraud in ten bins of scores: {bins}")


def _cards(told: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(which cards, the share that was compromised, the most that it could be)."""
    rows = [("All cards", told["card_precision"])]
    if told["card_precision_without_known"] is not None:
        rows.append(("Without cards of which a fraud was known before", told["card_precision_without_known"]))
    return [(says, figure_text(each["value"]), figure_text(each["best"])) for says, each in rows]


def _costs(told: Mapping[str, Any], at: Mapping[str, Any]) -> dict[str, Any]:
    settings, most = told["settings"], told["most_reviews"]
    limit = "" if most is None else (
        f" There may be {most:,} reviews in {told['days']:.1f} days: {settings['review_hours_a_day']} hours a day, "
        f"{settings['review_minutes']} minutes each."
    )  # fmt: skip
    return {
        "chart": _cost_curve(told, at),
        "rows": [
            (says, *_pair(told[name]))
            for says, name in (("The model’s", "at_thresholds"), ("Least on these rows", "least"))
        ],
        "says": (
            f"A missed fraud costs {settings['cost_missed_share']} of its amount, a review {settings['cost_review']}, a wrongly "
            f"blocked payment {settings['cost_blocked']}.{limit}"
        ),
    }


def _pair(told: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _score(told["review"]),
        _score(told["block"]),
        f"{told['reviews']:,}",
        _money(told["missed_cents"]),
        _money(told["blocked_cents"]),
        _money(told["cents"]),
    )


def _cost_curve(told: Mapping[str, Any], at: Mapping[str, Any]) -> Markup:
    """What reviewing or blocking all from a score on costs, by how many those are, and where the model's thresholds are."""
    curve = told["curve"]
    figure = new_figure()
    axes = figure.add_subplot()
    # nothing flagged, and nothing to pay, have no place on a scale of tenfold steps
    flagged = [max(each["flagged"], 0.5) for each in curve]
    for name, color in (("reviewed", REVIEW), ("blocked", FRAUD)):
        cost = [max(each[f"{name}_cents"] / 100, 0.01) for each in curve]
        axes.plot(flagged, cost, color=color, label=f"all of them {name}")
    for says, pair, style in (("the model’s", told["at_thresholds"], "--"), ("least", told["least"], ":")):
        axes.axhline(max(pair["cents"] / 100, 0.01), color=INK, linestyle=style, linewidth=1, label=f"the pair: {says}")
    for name, figures in at.items():
        place = max(figures["flagged"], 0.5)
        axes.axvline(place, color=HONEST, linestyle="--", linewidth=0.9)
        axes.text(place * 1.05, 0.02, name, rotation=90, va="bottom", fontsize=8, transform=axes.get_xaxis_transform())
    axes.set(xscale="log", yscale="log", xlabel="Transactions from the score on", ylabel="Cost")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.2)
    pairs = (
        f"{name} review from {_score(pair['review'])}, block from {_score(pair['block'])}: {_money(pair['cents'])}"
        for name, pair in (("the model’s", told["at_thresholds"]), ("least", told["least"]))
    )
    return svg(figure, f"Cost by how many transactions are flagged; {'; '.join(pairs)}")


def _with_frauds(told: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The segments' groups that have frauds, bands of the amount from the lowest up."""
    shown = [each for each in told if each["value"] is not None]
    places = {group: place for place, group in enumerate(BANDS)}
    return sorted(
        shown,
        key=lambda each: (
            list(NAMES).index(each["segment"]) if each["segment"] in NAMES else len(NAMES),
            places.get(each["group"], 0),
        ),
    )


def _named(each: Mapping[str, Any]) -> str:
    return f"{NAMES.get(each['segment'], each['segment'])}: {each['group']}"


def _segments(told: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """(segment and group, frauds, recall with its interval) of each group that has frauds."""
    return [
        (
            _named(each),
            f"{each['frauds']:,}{' (few)' if each['frauds'] < SEGMENT_FRAUDS else ''}",
            f"{each['value']:.3f} ({figure_text(each['low'], digits=3)} to {figure_text(each['high'], digits=3)})",
        )
        for each in _with_frauds(told)
    ]


def _drawn_segments(told: Mapping[str, Any]) -> Markup | None:
    """Recall and its interval of each group that has frauds; None if none has."""
    shown = _with_frauds(told["segments"])
    if not shown:
        return None
    figure = new_figure(6.2, 0.26 * len(shown) + 1.0)
    axes = figure.add_subplot()
    for place, each in enumerate(shown):
        colour = REVIEW if each["frauds"] < SEGMENT_FRAUDS else HONEST
        if each["low"] is not None:
            axes.plot([each["low"], each["high"]], [place, place], color=colour, linewidth=4, alpha=0.35)
        axes.plot([each["value"]], [place], "o", color=colour, markersize=5)
    whole = told["recall_at_fpr_0.001"]["value"]
    if whole is not None:
        axes.axvline(whole, color=INK, linestyle="--", linewidth=0.8)
    axes.set(
        yticks=range(len(shown)),
        yticklabels=[_named(each) for each in shown],
        xlabel="Recall at 0.1% false positives",
        xlim=(-0.02, 1.02),
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.2)
    return svg(figure, "Recall of the frauds of each segment with its 95% interval, as in the table")
