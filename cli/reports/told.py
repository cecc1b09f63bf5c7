"""The evaluation of a model on the rows of its test, kept beside its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cli.progress import Report
from fraud.decision_costs import DecisionCosts
from sagemaker_src.training.judging import FILE, judged_test
from sagemaker_src.training.train import Trained


def written_evaluation(
    folder: Path,
    trained: Trained,
    rows: pd.DataFrame,
    costs: DecisionCosts,
    report: Report,
    *,
    other_cards: bool = False,
) -> dict[str, Any]:
    """Write evaluation.json of a model's test, with the keys that the training machine's has; returns what it says.

    Args:
        folder: where the scores are.
        trained: the model and its scores.
        rows: all rows known of the tested cards, the tested ones among them.
        costs: what decisions cost.
        report: told of the progress.
        other_cards: whether training has seen none of these cards.
    """
    says = "how sure the figures are"
    report(says, 0, 1)
    told = judged_test(trained.manifest, trained.scores, rows, costs, other_cards=other_cards)
    report(says, 1, 1)
    (folder / FILE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return told
