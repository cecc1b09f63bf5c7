"""All figures of one model on rows it has not seen, as `evaluation.json` holds them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fraud.decision_costs import DecisionCosts
from sagemaker_src.training.cost_curve import told_costs
from sagemaker_src.training.metrics import Scores, evaluate_rows
from sagemaker_src.training.operating import at_thresholds, calibration, card_precision
from sagemaker_src.training.segments import intervals

FILE = "evaluation.json"


def judged(
    manifest: dict[str, Any],
    tested: pd.DataFrame,
    scores: Scores,
    history: pd.DataFrame,
    costs: DecisionCosts,
    *,
    other_cards: bool = False,
) -> dict[str, Any]:
    """A model's figures.

    Args:
        manifest: the model's.
        tested: n rows of `feature_rows.ROW_COLUMNS`.
        scores: n of them, the model's.
        history: all rows known of the cards, `tested` included.
        costs: what decisions cost.
        other_cards: whether the rows are of cards that training has not seen, so that nothing is known of them beforehand.

    Returns:
        Ready for JSON: `model_version`, `metrics`, `at_thresholds`, `calibration`, `card_precision`,
        `card_precision_without_known` (None with `other_cards`) and `costs`; see `evaluate_model.Evaluated`.
    """
    label, thresholds = tested["is_fraud"].to_numpy(), manifest["thresholds"]
    earlier = history["event_ms"] <= manifest["data"]["to_ms"]
    known = history.loc[earlier & (history["is_fraud"] == 1), "cc_num"]
    return {
        "model_version": manifest["model_version"],
        "metrics": evaluate_rows(tested, scores, history),
        "at_thresholds": at_thresholds(label, scores, thresholds),
        "calibration": calibration(label, scores),
        "card_precision": card_precision(tested, scores),
        "card_precision_without_known": None if other_cards else card_precision(tested, scores, known),
        "costs": told_costs(
            label, scores, tested["amount_cents"].to_numpy(), tested["event_ms"].to_numpy(), thresholds, costs
        ),
    }


def span(tested: pd.DataFrame) -> dict[str, int]:
    """When rows are of, and how many they are: `from_ms`, `to_ms`, `rows`, `frauds`."""
    return {
        "from_ms": int(tested["event_ms"].min()),
        "to_ms": int(tested["event_ms"].max()),
        "rows": len(tested),
        "frauds": int(tested["is_fraud"].sum()),
    }


def judged_test(
    manifest: dict[str, Any],
    scores: pd.DataFrame,
    rows: pd.DataFrame,
    costs: DecisionCosts,
    *,
    other_cards: bool = False,
) -> dict[str, Any]:
    """The evaluation of a model on the rows that its training tested it on, with the keys of the training machine's.

    Args:
        manifest: the model's.
        scores: of the tested rows, as `Trained.scores`.
        rows: all rows known of the cards, the tested ones among them.
        costs, other_cards: see `judged`.
    """
    tested = rows.set_index("transaction_id", drop=False).loc[scores["transaction_id"]].reset_index(drop=True)
    found = scores["score"].to_numpy()
    return {
        **judged(manifest, tested, found, rows, costs, other_cards=other_cards),
        "held_out": span(tested),
        "champion": None,
        **intervals(tested, rows, found, None),
    }
