"""Whether a candidate model may take the champion's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

COMPARED = {"average_precision": 0.002, "recall_at_fpr_0.001": 0.01}
"""The figures that decide, each with how far the candidate may fall short: less than that is chance."""
Metrics = Mapping[str, float | None]
"""{name: figure} of a model on rows, `rows` and `frauds` among them; None where there is nothing to compute it from."""
TIMES_CHANCE = 10
"""The first model must rank this many times better than by chance, whose average precision is the share of fraud."""
SEGMENT_FRAUDS = 30
"""Of fewer frauds than this a segment decides nothing."""
SEGMENT_MARGIN = 0.1
"""A segment is broken if its recall has fallen by more than this, surely: the whole 95% interval of the difference lies below."""


class Change(NamedTuple):
    """The recall of a segment's frauds, a candidate's less the champion's on the same rows.

    Attributes:
        segment: such as `category travel`.
        frauds: how many it has.
        value, low, high: the difference and its 95% interval; None where there is nothing to compute it from.
    """

    segment: str
    frauds: int
    value: float | None
    low: float | None
    high: float | None


class Verdict(NamedTuple):
    """Whether the candidate is taken, and why or why not."""

    accepted: bool
    why: str


def broken(changes: Sequence[Change], margin: float = SEGMENT_MARGIN) -> list[str]:
    """The segments that a candidate breaks, each in words.

    >>> broken([Change("card new", 60, -0.4, -0.5, -0.3), Change("card known", 60, -0.4, -0.5, -0.1)])
    ['card new: recall at .1% false positives falls by 0.400 (95% interval 0.300 to 0.500, 60 frauds)']
    >>> broken([Change("card new", 29, -0.4, -0.5, -0.3)])
    []
    """
    return [
        f"{each.segment}: recall at .1% false positives falls by {-each.value:.3f} "
        f"(95% interval {-each.high:.3f} to {-each.low:.3f}, {each.frauds} frauds)"
        for each in changes
        if each.frauds >= SEGMENT_FRAUDS and each.value is not None and each.low is not None and each.high is not None
        if each.high < -margin
    ]


def verdict(
    candidate: Metrics,
    champion: Metrics | None,
    changes: Sequence[Change] = (),
    *,
    margins: Mapping[str, float] = COMPARED,
    segment_margin: float = SEGMENT_MARGIN,
) -> Verdict:
    """The verdict on a candidate.

    Args:
        candidate: its metrics on rows that it was not trained on, as `sagemaker_src.training.metrics` gives them.
        champion: those of the model in service; None if there is none.
        changes: of segments, where both were tested on the same rows.
        margins: {figure: how far the candidate may fall short}, each of COMPARED.
        segment_margin: by how much the recall of a segment may surely fall.

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
    for name, tolerance in margins.items():
        if ours[name] < theirs[name] - tolerance:
            return Verdict(
                False,
                f"{name} {ours[name]:.4f} is below the champion's {theirs[name]:.4f} by more than {tolerance}",
            )
    segments = broken(changes, segment_margin)
    if segments:
        return Verdict(False, f"broken in a segment: {'; '.join(segments)}")
    shown = ", ".join(f"{name} {ours[name]:.4f} against {theirs[name]:.4f}" for name in COMPARED)
    return Verdict(True, f"no worse than the champion: {shown}")


def _known(metrics: Metrics) -> dict[str, float]:
    return {name: figure for name, figure in metrics.items() if figure is not None}
