"""How sure the figures of an evaluation are: the bootstrap, of one model and of two on the same rows.

Cards are drawn, each with all its rows, since the rows of a card depend on one another: a burst of frauds is found or missed as
one. Rows drawn one by one would give intervals that are too narrow. Two models are judged on the same draws, so the interval of
their difference holds what the rows do to both (a paired bootstrap).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagemaker_src.training.metrics import Labels, Scores

RESAMPLES = 400
SEED = 1
STRICT = 0.001
"""The share of honest rows that may be flagged, at which recall is told."""

Figures = NDArray[np.float64]
"""NaN where there is nothing to compute one from."""


class Interval(NamedTuple):
    """A figure of all rows and its 95% interval over the draws (percentiles); None where there is none."""

    value: float | None
    low: float | None
    high: float | None


class Ranking:
    """A model's order of the rows, made once, and its figures under any weights of the cards. Equal scores are one threshold.

    Args:
        label: n values, 1 for fraud.
        score: n scores.
        card: n numbers of cards, from 0.
        groups: n numbers of groups for each segmentation, from 0; -1 is in no group.
    """

    def __init__(self, label: Labels, score: Scores, card: NDArray[np.intp], groups: NDArray[np.intp]) -> None:
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self._card = card[order]
        self._fraud = label[order] == 1
        self._frauds = np.flatnonzero(self._fraud)
        self._groups = groups[:, order][:, self._frauds]
        self._count = int(groups.max()) + 1 if groups.size else 0

    def figures(self, weight: NDArray[np.integer]) -> Figures:
        """Average precision, recall at STRICT, and that recall of the frauds of each group of each segmentation.

        Args:
            weight: how often each card was drawn.

        Returns:
            2 + segmentations x groups values.
        """
        times = weight[self._card]
        flagged = np.cumsum(times)[self._ends]
        found = np.cumsum(np.where(self._fraud, times, 0))[self._ends]
        honest = flagged - found
        figures = np.full(2 + self._groups.shape[0] * self._count, np.nan)
        if not len(found) or not found[-1] or not honest[-1]:
            return figures
        precision = np.divide(found, flagged, out=np.zeros(len(found)), where=flagged > 0)
        figures[0] = np.diff(found, prepend=0) @ precision / found[-1]
        within = int(np.searchsorted(honest / honest[-1], STRICT, side="right"))
        last = self._ends[within - 1] if within else -1
        figures[1] = found[within - 1] / found[-1] if within else 0.0
        times, caught = times[self._frauds], self._frauds <= last
        for place, group in enumerate(self._groups):
            there = group >= 0
            of = np.bincount(group[there], times[there], self._count)
            hit = np.bincount(group[there], (times * caught)[there], self._count)
            begin = 2 + place * self._count
            figures[begin : begin + self._count] = np.divide(hit, of, out=np.full(self._count, np.nan), where=of > 0)
        return figures


def drawn(rankings: list[Ranking], cards: int, *, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """The figures of all rows, first, and of each draw of as many cards as there are; all models on the same draws.

    Returns:
        models x (1 + resamples) x figures.
    """
    random = np.random.default_rng(seed)
    weights = [np.ones(cards, dtype=np.int64)]
    weights += [np.bincount(random.integers(0, cards, cards), minlength=cards) for _ in range(resamples)]
    return np.array([[ranking.figures(weight) for weight in weights] for ranking in rankings])


def interval(figures: Figures) -> Interval:
    """The interval of a figure: that of all rows first, then those of the draws; draws without one are left out.

    >>> interval(np.array([0.5, 0.4, 0.5, 0.6]))
    Interval(value=0.5, low=0.405, high=0.595)
    >>> interval(np.array([np.nan, 0.4]))
    Interval(value=None, low=None, high=None)
    """
    draws = figures[1:][~np.isnan(figures[1:])]
    if np.isnan(figures[0]) or not len(draws):
        return Interval(None, None, None)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Interval(float(figures[0]), round(float(low), 9), round(float(high), 9))
