"""Whether a candidate model may take the champion's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

COMPARED = {"average_precision": 0.002, "recall_at_fpr_0.001": 0.01}
"""The figures that decide, each with how far the candidate may fall short: less than that is chance."""
Metrics = Mapping[str, float | None]
"""{name: figure} of a model on rows, `rows` and `frauds` among them; None where there is nothing to compute it from."""
TIMES_CHANCE = 10
"""The first model must rank this many times better than by chance, whose average precision is the share of fraud."""


class Verdict(NamedTuple):
    """Whether the candidate is taken, and why or why not."""

    accepted: bool
    why: str


def verdict(candidate: Metrics, champion: Metrics | None) -> Verdict:
    """The verdict on a candidate.

    Args:
        candidate: its metrics on rows that it was not trained on, as `sagemaker_src.training.metrics` gives them.
        champion: those of the model in service; None if there is none.

    >>> verdict({"rows": 1_000, "frauds": 5, "average_precision": 0.9, "recall_at_fpr_0.001": 0.8}, None)
    Verdict(accepted=True, why='the first model; average precision 0.9000, by chance 0.0050')
    >>> new, old = [{"average_precision": ap, "recall_at_fpr_0.001": 0.8} for ap in (0.90, 0.91)]
    >>> verdict(new, old).why
    "average_precision 0.9000 is below the champion's 0.9100 by more than 0.002"
    """
    ours = _known(candidate)
    unknown = [name for name in COMPARED if name not in ours]
    if unknown:
        return Verdict(False, f"the candidate has no {', '.join(unknown)}: the test rows lack frauds or honest rows")
    if champion is None:
        chance = ours["frauds"] / ours["rows"]
        found = f"average precision {ours['average_precision']:.4f}, by chance {chance:.4f}"
        if ours["average_precision"] < TIMES_CHANCE * chance and ours["average_precision"] < 0.5:
            return Verdict(False, f"{found}; needed: {TIMES_CHANCE} times that, or a half")
        return Verdict(True, f"the first model; {found}")
    theirs = _known(champion)
    for name, tolerance in COMPARED.items():
        if ours[name] < theirs[name] - tolerance:
            return Verdict(
                False,
                f"{name} {ours[name]:.4f} is below the champion's {theirs[name]:.4f} by more than {tolerance}",
            )
    shown = ", ".join(f"{name} {ours[name]:.4f} against {theirs[name]:.4f}" for name in COMPARED)
    return Verdict(True, f"no worse than the champion: {shown}")


def _known(metrics: Metrics) -> dict[str, float]:
    return {name: figure for name, figure in metrics.items() if figure is not None}
