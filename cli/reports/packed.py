"""Scores and labels in the few bytes that a page can carry, none of them rounded."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_BITS, _MORE = 7, 0x80
_LONGEST = 5
"""Bytes of a number of 32 bits."""


class ScoresError(ValueError):
    """The scored rows cannot be shown: says which column, what is wrong and what is allowed."""


@dataclass(frozen=True)
class PackedScores:
    """Scored rows as the page takes them.

    Attributes:
        text: base64 of one variable-length number a row, in the order of the scores: (the distance of the score's bits to
            those of the score before) x 2 + label, seven bits a byte, the lowest first, the highest bit set where more follow.
        rows: how many.
        unscored, unlabelled: rows that are left out, as they have no score, or a score and no label.
    """

    text: str
    rows: int
    unscored: int
    unlabelled: int

    def for_page(self, thresholds: Mapping[str, float]) -> dict[str, Any]:
        """What the page's script is given; a threshold that no score reaches is null."""
        return {
            "rows": self.rows,
            "packed": self.text,
            "thresholds": {name: value if np.isfinite(value) else None for name, value in thresholds.items()},
        }


def packed_scores(rows: pd.DataFrame) -> PackedScores:
    """Pack n rows of the columns `score` (0 to 1, float32 or what it holds exactly) and `is_fraud` (0 or 1).

    Raises:
        ScoresError: a column is missing, a score is outside 0 to 1 or finer than float32, or `is_fraud` is neither 0 nor 1.

    >>> packed_scores(pd.DataFrame({"score": [0.5, 0.0, None], "is_fraud": [1, 0, 1]}))
    PackedScores(text='AIGAgPAH', rows=2, unscored=1, unlabelled=0)
    """
    lacking = [name for name in ("is_fraud", "score") if name not in rows]
    if lacking:
        raise ScoresError(f"no column {lacking[0]!r}; needed: is_fraud (0 or 1) and score (0 to 1)")
    try:
        score, label = (
            pd.to_numeric(rows[name]).to_numpy(np.float64, na_value=np.nan) for name in ("score", "is_fraud")
        )
    except (TypeError, ValueError) as error:
        raise ScoresError(f"score, is_fraud: {str(error)[:80]}; allowed: numbers") from error
    unscored = np.isnan(score)
    unlabelled = np.isnan(label) & ~unscored
    kept = ~(unscored | unlabelled)
    score, label = score[kept], label[kept]
    _check(score, label)
    order = np.lexsort((label, score))
    # adding 0 makes one zero of the two that floats have
    bits = (score[order] + 0.0).astype(np.float32).view(np.uint32).astype(np.int64)
    numbers = np.diff(bits, prepend=0) * 2 + label[order].astype(np.int64)
    text = base64.b64encode(_variable(numbers).tobytes()).decode()
    return PackedScores(text, len(score), int(unscored.sum()), int(unlabelled.sum()))


def _check(score: NDArray[np.float64], label: NDArray[np.float64]) -> None:
    outside = (score < 0) | (score > 1)
    if outside.any():
        raise ScoresError(f"score: {score[outside][0]:g}; allowed: 0 to 1")
    if not np.isin(label, (0, 1)).all():
        raise ScoresError(f"is_fraud: {label[~np.isin(label, (0, 1))][0]:g}; allowed: 0 (legitimate) and 1 (fraud)")
    if not np.array_equal(score.astype(np.float32), score):
        raise ScoresError("score: finer than float32; allowed: scores as the model gives them, 32-bit floats")


def _variable(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    length = np.ones(len(numbers), dtype=np.int64)
    for byte in range(1, _LONGEST):
        length += numbers >= 1 << (_BITS * byte)
    start = np.cumsum(length) - length
    made = np.empty(int(length.sum()), dtype=np.uint8)
    for byte in range(_LONGEST):
        has = length > byte
        piece = (numbers[has] >> (_BITS * byte)) & (_MORE - 1)
        made[start[has] + byte] = piece | np.where(length[has] > byte + 1, _MORE, 0)
    return made
