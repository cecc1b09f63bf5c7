"""How good scores are, in the terms that a fraud team is held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

Labels = NDArray[np.integer]
"""1 for fraud, 0 for honest."""
Scores = NDArray[np.floating]


def threshold_at_fpr(label: ArrayLike, score: ArrayLike, budget: float) -> float:
    """The lowest threshold (`score >= threshold` is flagged) that flags at most a share `budget` of the honest rows.

    Infinite where even the highest honest score would break the budget.

    >>> threshold_at_fpr([0, 0, 0, 0, 1], [.1, .2, .3, .9, .8], 0.25)
    0.8
    >>> threshold_at_fpr([0, 1], [.9, .5], 0.1)
    inf
    """
    false_positive_rate, _, thresholds = roc_curve(label, score, drop_intermediate=False)
    return float(thresholds[np.searchsorted(false_positive_rate, budget, side="right") - 1])


def ranking_metrics(label: Labels, score: Scores, first_fraud: NDArray[np.bool_]) -> dict[str, float | None]:
    """The metrics of one set of rows.

    Args:
        label: n values, 1 for fraud.
        score: n scores, higher is more likely fraud.
        first_fraud: which rows are the first fraud of their card.

    Returns:
        `rows`, `frauds`, `average_precision`, `roc_auc`, `recall_at_fpr_0.001`, `recall_at_fpr_0.01` and
        `first_fraud_recall_at_fpr_0.001`; None where there is nothing to compute it from.
    """
    frauds = int(label.sum())
    metrics: dict[str, float | None] = {"rows": len(label), "frauds": frauds}
    both = 0 < frauds < len(label)
    metrics["average_precision"] = float(average_precision_score(label, score)) if both else None
    metrics["roc_auc"] = float(roc_auc_score(label, score)) if both else None
    strict = threshold_at_fpr(label, score, 0.001) if both else np.inf
    loose = threshold_at_fpr(label, score, 0.01) if both else np.inf
    metrics["recall_at_fpr_0.001"] = float((score[label == 1] >= strict).mean()) if both else None
    metrics["recall_at_fpr_0.01"] = float((score[label == 1] >= loose).mean()) if both else None
    seen = both and bool(first_fraud.any())
    metrics["first_fraud_recall_at_fpr_0.001"] = float((score[first_fraud] >= strict).mean()) if seen else None
    return metrics


def evaluate_rows(rows: pd.DataFrame, score: Scores, history: pd.DataFrame) -> dict[str, Any]:
    """The metrics of scored rows, and again under `without_fraud_only_cards`.

    A card whose every row is fraud is an artefact of generated data: "no history" alone gives it away.

    Args:
        rows: n rows with `transaction_id`, `cc_num`, `is_fraud`.
        score: n scores.
        history: all rows known of the cards, `rows` included: with `event_ms`, it says which fraud was a card's first
            and which cards have only fraud.
    """
    label = rows["is_fraud"].to_numpy()
    frauds = history[history["is_fraud"] == 1].sort_values(["event_ms", "transaction_id"])
    firsts = frauds.drop_duplicates("cc_num")["transaction_id"]
    first = rows["transaction_id"].isin(firsts).to_numpy()
    honest_cards = history.loc[history["is_fraud"] == 0, "cc_num"].unique()
    mixed = rows["cc_num"].isin(honest_cards).to_numpy()
    return {
        **ranking_metrics(label, score, first),
        "without_fraud_only_cards": ranking_metrics(label[mixed], score[mixed], first[mixed]),
    }
