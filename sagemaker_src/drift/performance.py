"""How well a model does: as its scores let expect before any label is known, and as labels say later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

Performance = dict[str, float | None]
"""`flagged` (share of transactions), `precision` and `recall` of those over the review threshold, `average_precision`; and of how
many: `frauds`, `flagged_rows`. None where nothing tells."""


@dataclass(frozen=True)
class Calibration:
    """What share of transactions with a score is fraud: a line through points that never falls.

    It holds as long as fraud and legitimate payments with the same score are as many as they were (confidence-based estimation):
    a drift of the features is felt, a new kind of fraud that the model does not see is not. That only labels tell.

    Attributes:
        scores, shares: the points, ascending.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def fitted(cls, scores: ArrayLike, label: ArrayLike) -> Calibration:
        """By isotonic regression on n scores and labels (1 is fraud).

        >>> Calibration.fitted([.1, .2, .8, .9], [0, 0, 1, 1]).of([.15, .85]).tolist()
        [0.0, 1.0]
        """
        line = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, label)
        return cls(tuple(map(float, line.X_thresholds_)), tuple(map(float, line.y_thresholds_)))

    def of(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The shares for n scores."""
        return np.asarray(np.interp(np.asarray(scores), self.scores, self.shares), dtype=np.float64)

    def estimated(self, scores: ArrayLike, threshold: float) -> Performance:
        """What is to be expected of n scored transactions with no label.

        >>> told = Calibration((0.0, 1.0), (0.0, 1.0)).estimated([.1, .1, .8], .5)
        >>> told["precision"], told["recall"]
        (0.8, 0.8)
        """
        return _performance(np.asarray(scores, dtype=np.float64), self.of(scores), threshold)

    def realised(self, scores: ArrayLike, label: ArrayLike, threshold: float) -> Performance:
        """The same by n labels (1 is fraud).

        >>> told = Calibration((0.0, 1.0), (0.0, 1.0)).realised([.1, .1, .8], [0, 1, 1], .5)
        >>> told["precision"], told["recall"], told["frauds"]
        (1.0, 0.5, 2.0)
        """
        return _performance(np.asarray(scores, dtype=np.float64), np.asarray(label, dtype=np.float64), threshold)


def average_precision(scores: ArrayLike, label: ArrayLike) -> float:
    """The mean of the precisions at each fraud's score, of n scores; a label may be a share, too.

    >>> average_precision([.9, .8, .7], [1, 0, 1])
    0.8333333333333333
    """
    score, fraud = np.asarray(scores, dtype=np.float64), np.asarray(label, dtype=np.float64)
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # of those with the same score
    right = np.cumsum(fraud[order])[last]
    return float(np.sum(np.diff(right, prepend=0) * right / (last + 1)) / right[-1])


def _performance(scores: NDArray[np.float64], fraud: NDArray[np.float64], threshold: float) -> Performance:
    flagged = scores >= threshold
    found, frauds = float(fraud[flagged].sum()), float(fraud.sum())
    return {
        "flagged": float(flagged.mean()) if len(flagged) else None,
        "precision": found / float(flagged.sum()) if flagged.any() else None,
        "recall": found / frauds if frauds > 0 else None,
        "average_precision": average_precision(scores, fraud) if frauds > 0 else None,
        "frauds": frauds,
        "flagged_rows": float(flagged.sum()),
    }
