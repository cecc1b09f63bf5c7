"""The report of two models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cli.reports.drawn import drawn_gains
from cli.reports.evaluation import NO_COSTS, Costs, Scored, facts, shown, threshold_values
from cli.reports.leaks import leaks
from cli.reports.measures import MEASURES
from cli.reports.packed import PackedScores, packed_scores
from cli.reports.page import write_page
from cli.reports.versions import ModelVersion
from sagemaker_src.training.leakage import gain_shares

_IDENTITIES = ("transaction_id", "row")
"""The columns by which rows are known, of transactions and of a table."""


def comparison_report(path: Path, one: ModelVersion, other: ModelVersion, costs: Costs = NO_COSTS) -> None:
    """Write the report of two models as one HTML file, with one threshold for both.

    Args:
        path: the file.
        one, other: the models; a difference is what the other has more.
        costs: of what a threshold does.

    Raises:
        ScoresError: scores of one cannot be shown.
    """
    names = _names(one, other)
    packed = [packed_scores(each.trained.scores) for each in (one, other)]
    both, says = paired(one.trained.scores, other.trained.scores, names)
    scored = [
        Scored(name, scores, each.trained.manifest["thresholds"], each.files)
        for name, scores, each in zip(names, packed, (one, other), strict=True)
    ]
    write_page(
        path,
        "comparison.html",
        title="Card-fraud models: two versions",
        **threshold_values(scored, costs, both),
        models=[
            (name, drawn_gains(gain_shares(each.trained.model), width=6), leaks(each.trained))
            for name, each in zip(names, (one, other), strict=True)
        ],
        notices=[f"{name}: {said}" for name, each in zip(names, (one, other), strict=True) for said in each.notices],
        paired=both is not None,
        paired_says=says,
        figures=_figures(one, other),
        facts=_facts(one, other),
    )


def _names(one: ModelVersion, other: ModelVersion) -> tuple[str, str]:
    if one.name != other.name:
        return one.name, other.name
    versions = [each.trained.manifest["model_version"] for each in (one, other)]
    if versions[0] == versions[1]:
        versions = ["(1)", "(2)"]
    return f"{one.name} {versions[0]}", f"{other.name} {versions[1]}"


def paired(one: pd.DataFrame, other: pd.DataFrame, names: tuple[str, str]) -> tuple[PackedScores | None, str]:
    """The lower of two models' scores of each row, and a sentence; None where they were not tested on the same rows.

    A row is flagged by both at a threshold exactly if its lower score is at or above it.

    >>> rows = pd.DataFrame({"row": [1, 2], "is_fraud": [0, 1], "score": [0.5, 0.25]})
    >>> other = pd.DataFrame({"row": [2, 1], "is_fraud": [1, 0], "score": [1.0, 0.125]})
    >>> paired(rows, other, ("v1", "v2"))[0] == packed_scores(pd.DataFrame({"is_fraud": [0, 1], "score": [0.125, 0.25]}))
    True
    >>> paired(rows, other[:1], ("v1", "v2"))[1].partition(". ")[0]
    'Not tested on the same rows: 1 are of both tests, 1 of v1 alone, 0 of v2 alone'
    """
    identity = next((name for name in _IDENTITIES if name in one and name in other), None)
    because = "So counts are of 100,000, and part of a difference may be that of the rows."
    if identity is None:
        return None, f"Whether both were tested on the same rows is not known: the scores do not name them. {because}"
    left, right = (each.dropna(subset=["is_fraud", "score"]).drop_duplicates(identity) for each in (one, other))
    joined = left.merge(right, on=identity, suffixes=("", "_other"))
    apart = [len(each) - len(joined) for each in (one, other)]
    if any(apart):
        return None, (
            f"Not tested on the same rows: {len(joined):,} are of both tests, {apart[0]:,} of {names[0]} alone, {apart[1]:,} of "
            f"{names[1]} alone. {because}"
        )
    if differ := int((joined["is_fraud"] != joined["is_fraud_other"]).sum()):
        return None, f"{differ:,} rows have another label in the one test than in the other. {because}"
    lower = joined.assign(score=np.minimum(joined["score"], joined["score_other"]))
    return packed_scores(
        lower
    ), f"Both were tested on the same {len(joined):,} rows, so the difference is paired: row by row."


def _figures(one: ModelVersion, other: ModelVersion) -> list[tuple[str, ...]]:
    left, right = (each.trained.manifest["metrics"]["test"] for each in (one, other))
    return [
        (says, shown(left[name]), shown(right[name]), _difference(left[name], right[name]))
        for name, says in MEASURES.items()
        if name in left and name in right
    ]


def _difference(left: float | None, right: float | None) -> str:
    if left is None or right is None:
        return "-"
    return f"{right - left:+,}" if isinstance(left, int) and isinstance(right, int) else f"{right - left:+.4f}"


def _facts(one: ModelVersion, other: ModelVersion) -> list[tuple[str, str, str]]:
    def of(each: ModelVersion) -> list[tuple[str, str]]:
        manifest: dict[str, Any] = each.trained.manifest
        data = manifest["data"]
        return [
            ("Model version", manifest["model_version"]),
            ("Trained on", f"{data['rows']:,} rows, {data['frauds']:,} frauds"),
            *facts(manifest),
        ]

    return [(what, left, right) for (what, left), (_, right) in zip(of(one), of(other), strict=True)]
