"""The report of `fraud evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from sklearn.metrics import roc_curve

from cli.reports.packed import packed_scores
from cli.reports.page import HONEST, INK, for_script, new_figure, svg, template_text, write_page
from fraud.fields import Field
from fraud.vector import SAYS
from sagemaker_src.training.fairness import FEW, Group, Rate
from sagemaker_src.training.train import Trained


class Costs(NamedTuple):
    """What the page begins with, in any currency; None is not said.

    Attributes:
        missed: of a fraud that is not flagged.
        review: of a transaction that is flagged, be it fraud or not.
    """

    missed: float | None = None
    review: float | None = None


NO_COSTS = Costs()
DOMINATES = 0.5
"""A feature that lowers the loss more than all others together is named in a warning."""
NO_GROUPS: Mapping[Field, Sequence[Group]] = MappingProxyType({})

MEASURES = {
    "rows": "Transactions",
    "frauds": "Frauds",
    "average_precision": "Average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.001": "Recall at 0.1% false positives",
    "recall_at_fpr_0.01": "Recall at 1% false positives",
    "first_fraud_recall_at_fpr_0.001": "Recall of a card's first fraud, at 0.1% false positives",
}


_TILES = ("average_precision", "recall_at_fpr_0.001", "first_fraud_recall_at_fpr_0.001", "rows", "frauds")


def evaluation_report(
    path: Path,
    trained: Trained,
    files: str,
    times: str,
    groups: Mapping[Field, Sequence[Group]] = NO_GROUPS,
    costs: Costs = NO_COSTS,
) -> None:
    """Write the report of a trained and tested model as one HTML file.

    Args:
        path: the file.
        trained: the model and its scores.
        files: what it was trained and tested on.
        times: how those files' times were taken.
        groups: {protected field: the figures of its groups}.
        costs: of what a threshold does.

    Raises:
        ScoresError: the scores cannot be shown.
    """
    manifest = trained.manifest
    metrics, data = manifest["metrics"]["test"], manifest["data"]
    days = f"{_day(data['from_ms'])} to {_day(data['to_ms'])}"
    write_page(
        path,
        "evaluation.html",
        lead=f"{files}. No gender, age, name, address or card identity is in the model.",
        figures=[
            (says, _shown(metrics[name]), _shown(metrics["without_fraud_only_cards"][name]))
            for name, says in MEASURES.items()
        ],
        of_cards=True,
        groups=[(field.says, [_group(group) for group in of_field]) for field, of_field in groups.items()],
        few=FEW,
        facts=[
            ("Model version", manifest["model_version"]),
            ("Trained on", f"{data['rows']:,} transactions, {data['frauds']:,} frauds, {days}"),
            ("Times", f"UTC; {times}"),
            *_facts(manifest),
        ],
        **_common(trained, costs),
    )


def table_report(path: Path, trained: Trained, split: str, left: Sequence[str], costs: Costs = NO_COSTS) -> None:
    """Write the report of a model of a table without cards.

    Args:
        path: the file.
        trained: the model and its scores.
        split: what it was trained and tested on.
        left: the columns that are no features.
        costs: of what a threshold does.

    Raises:
        ScoresError: the scores cannot be shown.
    """
    manifest = trained.manifest
    metrics, data = manifest["metrics"]["test"], manifest["data"]
    write_page(
        path,
        "evaluation.html",
        lead=f"{split}. The table's columns are the features; nothing is known of cards.",
        figures=[(says, _shown(metrics[name])) for name, says in MEASURES.items() if name in metrics],
        of_cards=False,
        groups=[],
        facts=[
            ("Model version", manifest["model_version"]),
            ("Trained on", f"{data['rows']:,} rows, {data['frauds']:,} frauds"),
            ("Left out", ", ".join(left) or "-"),
            *_facts(manifest),
        ],
        **_common(trained, costs),
    )


def _common(trained: Trained, costs: Costs) -> dict[str, Any]:
    """What the page shows of any model."""
    manifest = trained.manifest
    packed = packed_scores(trained.scores)
    gains = _gains(trained)
    metrics, settings = manifest["metrics"]["test"], manifest["settings"]
    return {
        "title": "Card-fraud model: evaluation",
        "tiles": [(_shown(metrics[name]), MEASURES[name]) for name in _TILES if name in metrics],
        "packed": packed,
        "costs": costs,
        "thresholds": list(manifest["thresholds"]),
        "scored": for_script(packed.for_page(manifest["thresholds"])),
        "threshold_script": template_text("threshold.js"),
        "threshold_style": template_text("threshold.css"),
        "found_by_budget": _found_by_budget(trained),
        "outcomes": _outcome_rows(manifest),
        "review_fpr": f"{settings['review_fpr']:.1%}",
        "block_fpr": f"{settings['block_fpr']:.1%}",
        "gains": _drawn_gains(gains),
        "dominant": _dominant(gains),
    }


def _facts(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    settings = manifest["settings"]
    return [
        ("Data fingerprint", manifest["data"]["fingerprint"]),
        ("Features", f"{len(manifest['feature_names'])}, of them {len(manifest['categories'])} of text"),
        (
            "XGBoost",
            f"{manifest['xgboost']}, {settings['rounds']} trees, depth {settings['max_depth']}, eta {settings['eta']}",
        ),
    ]


def _group(group: Group) -> tuple[str, ...]:
    return (
        group.name,
        f"{group.rows:,}",
        f"{group.frauds:,}",
        *(_rate(rate) for rate in (group.false_positive_rate, group.recall, group.review_rate)),
    )


def _rate(rate: Rate) -> str:
    if rate.value is None:
        return "-"
    return f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%}){' few' if rate.few else ''}"


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%d}"


def _outcome_rows(manifest: dict[str, Any]) -> list[tuple[str, ...]]:
    floors = {"approve": 0.0, **manifest["thresholds"]}
    rows: list[tuple[str, ...]] = []
    for outcome, counts in manifest["outcomes"].items():
        total = counts["honest"] + counts["fraud"]
        share = f"{counts['fraud'] / total:.1%}" if total else "-"
        rows.append((outcome, f"{floors[outcome]:.4f}", f"{counts['honest']:,}", f"{counts['fraud']:,}", share))
    return rows


def _found_by_budget(trained: Trained) -> Markup | None:
    """The frauds found by the share of false alarms; None where the rows are all fraud or all honest."""
    known = trained.scores.dropna(subset=["is_fraud", "score"])
    if known["is_fraud"].nunique() < len(("honest", "fraud")):
        return None
    false_positive_rate, recall, thresholds = roc_curve(known["is_fraud"], known["score"])
    figure = new_figure()
    axes = figure.add_subplot()
    axes.step(np.maximum(false_positive_rate, 1e-5), recall, where="post", color=HONEST)
    for outcome, threshold in trained.manifest["thresholds"].items():
        place = max(false_positive_rate[np.searchsorted(-thresholds, -threshold, side="right") - 1], 1e-5)
        axes.axvline(place, color=INK, linestyle="--", linewidth=0.8)
        axes.text(place * 1.1, 0.04, outcome)
    axes.set(xscale="log", xlabel="False-positive rate", ylabel="Recall", xlim=(1e-5, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.2)
    return svg(figure, "The share of the frauds found, by the share of honest transactions that may be flagged")


def _gains(trained: Trained) -> dict[str, float]:
    """{feature: its share of the total gain}, the least first."""
    # a number each, as the trees have one output
    scores = trained.model.get_score(importance_type="total_gain")
    gains = {name: gain for name, gain in scores.items() if isinstance(gain, float)}
    total = sum(gains.values()) or 1.0
    return {name: gain / total for name, gain in sorted(gains.items(), key=lambda pair: pair[1])}


def _dominant(gains: Mapping[str, float]) -> tuple[str, str] | None:
    """The feature that dominates and its share, as words."""
    if not gains:
        return None
    name, share = max(gains.items(), key=lambda pair: pair[1])
    return (SAYS.get(name, name), f"{share:.0%}") if share > DOMINATES else None


def _drawn_gains(gains: Mapping[str, float], most: int = 15) -> Markup:
    top = list(gains.items())[-most:]
    figure = new_figure(10, 0.3 * len(top) + 0.8)
    axes = figure.add_subplot()
    axes.barh([SAYS.get(name, name) for name, _ in top], [100 * share for _, share in top], color=HONEST)
    axes.set(xlabel="Share of the total gain, %")
    told = ", ".join(f"{SAYS.get(name, name)} {share:.1%}" for name, share in reversed(top))
    return svg(figure, f"Share of the total gain: {told}")
