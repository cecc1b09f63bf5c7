"""The report of `fraud evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from cli.reports.drawn import drawn_gains, found_by_budget
from cli.reports.figures import evaluation_values
from cli.reports.leaks import leaks
from cli.reports.measures import MEASURES
from cli.reports.packed import PackedScores, packed_scores
from cli.reports.page import for_script, template_text, write_page
from fraud.fields import Field
from sagemaker_src.training.fairness import FEW, Group, Rate
from sagemaker_src.training.leakage import gain_shares
from sagemaker_src.training.train import Trained


class Costs(NamedTuple):
    """What the page begins with, in any currency; None is not said.

    Attributes:
        missed: of a fraud that is not flagged.
        review: of a transaction that is flagged, be it fraud or not.
        blocked: of a legitimate transaction that is flagged, besides.
    """

    missed: float | None = None
    review: float | None = None
    blocked: float | None = None


NO_COSTS = Costs()
NO_GROUPS: Mapping[Field, Sequence[Group]] = MappingProxyType({})

_TILES = ("average_precision", "recall_at_fpr_0.001", "first_fraud_recall_at_fpr_0.001", "rows", "frauds")


def evaluation_report(
    path: Path,
    trained: Trained,
    files: str,
    times: str,
    groups: Mapping[Field, Sequence[Group]] = NO_GROUPS,
    costs: Costs = NO_COSTS,
    notices: Sequence[str] = (),
    told: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of a trained and tested model as one HTML file.

    Args:
        path: the file.
        trained: the model and its scores.
        files: what it was trained and tested on.
        times: how those files' times were taken.
        groups: {protected field: the figures of its groups}.
        costs: of what a threshold does.
        notices: what the reader must know of the scores.
        told: the evaluation of the tested rows, as evaluation.json holds it; None if there is none.

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
            (says, shown(metrics[name]), shown(metrics["without_fraud_only_cards"][name]))
            for name, says in MEASURES.items()
        ],
        of_cards=True,
        groups=[(field.says, [_group(group) for group in of_field]) for field, of_field in groups.items()],
        few=FEW,
        facts=[
            ("Model version", manifest["model_version"]),
            ("Trained on", f"{data['rows']:,} transactions, {data['frauds']:,} frauds, {days}"),
            ("Times", f"UTC; {times}"),
            *facts(manifest),
        ],
        **_common(trained, costs, notices, told),
    )


def table_report(
    path: Path,
    trained: Trained,
    split: str,
    left: Sequence[str],
    costs: Costs = NO_COSTS,
    notices: Sequence[str] = (),
) -> None:
    """Write the report of a model of a table without cards.

    Args:
        path: the file.
        trained: the model and its scores.
        split: what it was trained and tested on.
        left: the columns that are no features.
        costs: of what a threshold does.
        notices: what the reader must know of the scores.

    Raises:
        ScoresError: the scores cannot be shown.
    """
    manifest = trained.manifest
    metrics, data = manifest["metrics"]["test"], manifest["data"]
    write_page(
        path,
        "evaluation.html",
        lead=f"{split}. The table's columns are the features; nothing is known of cards.",
        figures=[(says, shown(metrics[name])) for name, says in MEASURES.items() if name in metrics],
        of_cards=False,
        groups=[],
        facts=[
            ("Model version", manifest["model_version"]),
            ("Trained on", f"{data['rows']:,} rows, {data['frauds']:,} frauds"),
            ("Left out", ", ".join(left) or "-"),
            *facts(manifest),
        ],
        **_common(trained, costs, notices),
    )


class Scored(NamedTuple):
    """A model's scores on a page: its name, thresholds, and what stands above them."""

    name: str
    packed: PackedScores
    thresholds: Mapping[str, float]
    lead: str = ""


def threshold_values(scored: Sequence[Scored], costs: Costs, both: PackedScores | None = None) -> dict[str, Any]:
    """What `threshold.html` takes, of one model or of two.

    Args:
        scored: the models.
        costs: of what a threshold does.
        both: the lower of the two scores of each row; None where there are not two on the same rows.
    """
    sets = [{"name": one.name, **one.packed.for_page(one.thresholds)} for one in scored]
    return {
        "scored": scored,
        "costs": costs,
        "dashed": f" Dashed, and hollow: {scored[1].name}." if len(scored) > 1 else "",
        "for_script": for_script({"sets": sets, "both": None if both is None else both.for_page({})}),
        "script": template_text("scored.js", "charts.js", "threshold.js"),
        "threshold_style": template_text("threshold.css"),
    }


def _common(
    trained: Trained, costs: Costs, notices: Sequence[str], told: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the page shows of any model."""
    manifest = trained.manifest
    metrics, settings = manifest["metrics"]["test"], manifest["settings"]
    return {
        "title": "Card-fraud model: evaluation",
        "tiles": [(shown(metrics[name]), MEASURES[name]) for name in _TILES if name in metrics],
        **threshold_values([Scored("", packed_scores(trained.scores), manifest["thresholds"])], costs),
        **evaluation_values(trained.scores, manifest["thresholds"], told),
        "by_costs": "costs" in manifest,
        "notices": notices,
        "found_by_budget": found_by_budget(trained),
        "outcomes": _outcome_rows(manifest),
        "review_fpr": f"{settings['review_fpr']:.1%}",
        "block_fpr": f"{settings['block_fpr']:.1%}",
        "gains": drawn_gains(gain_shares(trained.model)),
        "leaks": leaks(trained),
    }


def facts(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """How a model was made: (what, value as text)."""
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


def shown(value: float | None) -> str:
    """A figure as text."""
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
        floor = f"{floors[outcome]:.4g}" if np.isfinite(floors[outcome]) else "above every score"
        rows.append((outcome, floor, f"{counts['honest']:,}", f"{counts['fraud']:,}", share))
    return rows
