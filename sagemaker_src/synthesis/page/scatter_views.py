"""A column as an axis of the scatter, and its values as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.page.axes import Axis
from sagemaker_src.synthesis.quality.values import Matrix

SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LAST = 4000
"""A share of 1; 0 is 0."""
MISSING = 4095
VALUES = 10
"""Of a category, so many values have a place; the others share one more."""
TEXT = 18
"""So many signs of a category's value are shown."""


@dataclass(frozen=True)
class View:
    """An axis: its name, ticks as [share, text], and the shares of the rows that are shown; not a number: missing."""

    name: str
    ticks: list[list[float | str]]
    shares: Matrix


def encoded(shares: Matrix) -> str:
    """Shares as text, two signs each: a 4000th is finer than a point of the picture.

    >>> encoded(np.array([0.0, 1.0, np.nan]))
    'AA-g__'
    """
    places = np.where(np.isnan(shares), MISSING, np.round(np.nan_to_num(shares) * LAST)).astype(int)
    return "".join(SIGNS[place >> 6] + SIGNS[place & 63] for place in places.tolist())


def view_of(
    name: str, reference: pd.Series, final: pd.Series, shown: pd.Series, numbers: NDArray[np.int64], moments: bool
) -> View:
    """A column of plain rows as an axis.

    Args:
        reference, final: the rows that say what values there are: the real ones, and the last checkpoint's.
        shown: all values that are shown, one after the other.
        numbers: of each of their rows among those that are shown at once.
        moments: whether it holds seconds since 1970.
    """
    if reference.dtype != np.float64:
        return _category(name, reference if reference.notna().any() else final, shown, numbers)
    known = pd.concat([reference, final]).dropna().to_numpy()
    low, high = (float(each) for each in np.quantile(known, [0.005, 0.995])) if len(known) else (0.0, 1.0)
    skewed = not moments and low >= 0 and high > 50 * max(float(np.median(known)) if len(known) else 1.0, 1.0)
    room = 0.0 if skewed else 0.04 * (high - low) or 1.0
    axis = Axis(low - room, high + room, skewed, moments)
    return View(
        f"{name} (logarithmic)" if skewed else name, ticks_of(axis), axis.shares(shown.to_numpy(dtype=np.float64))
    )


def ticks_of(axis: Axis) -> list[list[float | str]]:
    """Its ticks as JSON has them."""
    return [[round(share, 4), text] for share, text in axis.ticks(4)]


def _category(name: str, reference: pd.Series, shown: pd.Series, numbers: NDArray[np.int64]) -> View:
    counts = reference.value_counts()
    values = sorted(counts.index, key=lambda value: (-int(counts[value]), str(value)))[:VALUES]
    places, total = {value: float(place) for place, value in enumerate(values)}, len(values) + 1
    at = np.array([np.nan if pd.isna(value) else places.get(value, len(values)) for value in shown], dtype=np.float64)
    # Rows of one value are spread over its stretch, each by its number, so that they do not hide each other.
    spread = (numbers * 0.6180339887 % 1 - 0.5) * 0.7
    texts = [str(value)[: TEXT - 1] + "…" if len(str(value)) > TEXT else str(value) for value in values]
    ticks: list[list[float | str]] = [[round((at + 0.5) / total, 4), text] for at, text in enumerate([*texts, "other"])]
    return View(name, ticks, (at + 0.5 + spread) / total)
