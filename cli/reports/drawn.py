"""The charts of a model's report that are drawn beforehand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from sklearn.metrics import roc_curve

from cli.reports.page import HONEST, INK, new_figure, svg
from fraud.vector import SAYS
from sagemaker_src.training.train import Trained


def found_by_budget(trained: Trained) -> Markup | None:
    """The frauds found by the share of false alarms; None where the rows are all fraud or all legitimate."""
    known = trained.scores.dropna(subset=["is_fraud", "score"])
    if known["is_fraud"].nunique() < len(("legitimate", "fraud")):
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
    return svg(figure, "The share of the frauds found, by the share of legitimate transactions that may be flagged")


def drawn_gains(gains: Mapping[str, float], most: int = 15, width: float = 10) -> Markup:
    """The features of the most gain, as bars.

    Args:
        gains: {feature: its share of the total gain}, the least first.
        most: how many.
        width: of the chart, inches.
    """
    top = list(gains.items())[-most:]
    figure = new_figure(width, 0.3 * len(top) + 0.8)
    axes = figure.add_subplot()
    axes.barh([SAYS.get(name, name) for name, _ in top], [100 * share for _, share in top], color=HONEST)
    axes.set(xlabel="Share of the total gain, %")
    told = ", ".join(f"{SAYS.get(name, name)} {share:.1%}" for name, share in reversed(top))
    return svg(figure, f"Share of the total gain: {told}")
