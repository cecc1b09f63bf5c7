"""The report of `fraud evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from markupsafe import Markup
from sklearn.metrics import precision_recall_curve, roc_curve

from cli.report.page import FRAUD, HONEST, INK, new_figure, svg, write_page
from fraud.fields import Field
from fraud.vector import SAYS
from sagemaker_src.training.fairness import FEW, Group, Rate
from sagemaker_src.training.train import Trained

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
    path: Path, trained: Trained, files: str, times: str, groups: Mapping[Field, Sequence[Group]] = NO_GROUPS
) -> None:
    """Write the report of a trained and tested model as one HTML file.

    Args:
        path: the file.
        trained: the model and its scores.
        files: what it was trained and tested on.
        times: how those files' times were taken.
        groups: {protected field: the figures of its groups}.
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
        **_common(trained),
    )


def table_report(path: Path, trained: Trained, split: str, left: Sequence[str]) -> None:
    """Write the report of a model of a table without cards.

    Args:
        path: the file.
        trained: the model and its scores.
        split: what it was trained and tested on.
        left: the columns that are no features.
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
        **_common(trained),
    )


def _common(trained: Trained) -> dict[str, Any]:
    """What the page shows of any model."""
    manifest = trained.manifest
    metrics, settings = manifest["metrics"]["test"], manifest["settings"]
    return {
        "title": "Card-fraud model: evaluation",
        "tiles": [(_shown(metrics[name]), MEASURES[name]) for name in _TILES if name in metrics],
        "precision_recall": _precision_recall(trained),
        "found_by_budget": _found_by_budget(trained),
        "outcomes": _outcome_rows(manifest),
        "review_fpr": f"{settings['review_fpr']:.1%}",
        "block_fpr": f"{settings['block_fpr']:.1%}",
        "gains": _gains(trained),
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


def _precision_recall(trained: Trained) -> Markup:
    precision, recall, _ = precision_recall_curve(
        trained.scores["label"], trained.scores["score"], drop_intermediate=True
    )
    figure = new_figure()
    axes = figure.add_subplot()
    axes.step(recall, precision, where="post", color=FRAUD)
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1.01), ylim=(0, 1.02))
    axes.grid(alpha=0.2)
    return svg(figure)


def _found_by_budget(trained: Trained) -> Markup:
    false_positive_rate, recall, thresholds = roc_curve(trained.scores["label"], trained.scores["score"])
    figure = new_figure()
    axes = figure.add_subplot()
    axes.step(np.maximum(false_positive_rate, 1e-5), recall, where="post", color=HONEST)
    for outcome, threshold in trained.manifest["thresholds"].items():
        place = max(false_positive_rate[np.searchsorted(-thresholds, -threshold, side="right") - 1], 1e-5)
        axes.axvline(place, color=INK, linestyle="--", linewidth=0.8)
        axes.text(place * 1.1, 0.04, outcome)
    axes.set(xscale="log", xlabel="False-positive rate", ylabel="Recall", xlim=(1e-5, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.2)
    return svg(figure)


def _gains(trained: Trained, most: int = 15) -> Markup:
    # a number each, as the trees have one output
    scores = trained.model.get_score(importance_type="total_gain")
    gains = {name: gain for name, gain in scores.items() if isinstance(gain, float)}
    total = sum(gains.values()) or 1.0
    top = sorted(gains.items(), key=lambda pair: pair[1])[-most:]
    figure = new_figure(10, 0.3 * len(top) + 0.8)
    axes = figure.add_subplot()
    axes.barh([SAYS.get(name, name) for name, _ in top], [100 * gain / total for _, gain in top], color=HONEST)
    axes.set(xlabel="Share of the total gain, %")
    return svg(figure)
