"""The model's input: which numbers, in which order, computed one way for training and for serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names

Columns = Mapping[str, Any]
"""{name: n values} of INPUT_COLUMNS: arrays, lists or a data frame's columns, whatever numpy makes an array of."""

INPUT_COLUMNS = ("amount_cents", "category", "event_ms", *names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))
"""What `model_vector` reads of a transaction."""

DERIVED_FEATURES = {
    "amount": "the amount",
    "category": "the merchant's category",
    "hour": "the hour of the day",
    "weekday": "the day of the week",
    "avg_others_last_10m": "average of the other amounts in the last 10 minutes",
    "avg_others_last_1h": "average of the other amounts in the last hour",
    "avg_others_last_1d": "average of the other amounts in the last day",
    "amt_over_avg_last_1h": "the amount against the last hour's average",
    "amt_over_avg_last_1d": "the amount against the last day's average",
    "amt_over_others_last_1d": "the amount against the last day's other amounts",
    "amt_ratio1": "the last 10 minutes' average against the week before",
    "amt_ratio2": "the amount against the week before",
    "count_ratio": "the last 10 minutes' transactions against the week before",
    "amt_over_avg_last_30d": "the amount against the 30 days before",
    "amt_over_max_last_30d": "the amount against the largest in the 30 days before",
    "amt_over_avg_category_all": "the amount against the card's habit in this category",
    "category_share": "how much of the card's history is in this category",
    "hour_share": "how much of the card's history is at this hour",
    "amt_over_population": "the amount against all cards' average in this category",
}
"""Computed here from the transaction and the catalogue's features, with what each says to an analyst."""

FEATURE_NAMES = (*DERIVED_FEATURES, *names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))
"""The columns of the model's vector, in order."""

FEATURE_TYPES = tuple("c" if name == "category" else "q" for name in FEATURE_NAMES)
"""XGBoost's types: `c` categorical (a code), `q` a quantity."""

SAYS = {**DERIVED_FEATURES, **{feature.name: feature.says for feature in (*STREAM_FEATURES, *NIGHTLY_FEATURES)}}
"""Each feature in plain words."""


def category_codes(category: Any, categories: Sequence[str]) -> NDArray[np.float64]:
    """Each category's place in `categories`; NaN for one that the model has not seen.

    >>> category_codes(["travel", "new"], ["home", "travel"]).tolist()
    [1.0, nan]
    """
    codes = {name: float(code) for code, name in enumerate(categories)}
    missing = float("nan")
    if hasattr(category, "categories"):  # a pandas Categorical: look up each distinct value once
        lookup: NDArray[np.float64] = np.array([codes.get(name, missing) for name in category.categories] + [missing])
        return lookup.take(np.asarray(category.codes))
    return np.array([codes.get(name, missing) for name in category], dtype=np.float64)


def model_vector(columns: Columns, categories: Sequence[str]) -> NDArray[np.float32]:
    """The model's input for n transactions.

    Args:
        columns: INPUT_COLUMNS, n values each: `amount_cents` whole, `category` text (or a pandas Categorical), `event_ms`
            milliseconds since 1970 in UTC, the features as numbers with NaN for missing.
        categories: the categories that the model knows, in the order of its manifest.

    Returns:
        float32 of shape (n, len(FEATURE_NAMES)); missing is NaN, never infinite.

    Raises:
        KeyError: a column of INPUT_COLUMNS is missing.
    """
    given = {
        name: np.asarray(columns[name], dtype=np.float64)
        for name in INPUT_COLUMNS
        if name not in ("category", "event_ms")
    }
    event_ms = np.asarray(columns["event_ms"], dtype=np.int64)
    amount = given["amount_cents"] / 100
    vector = np.empty((len(event_ms), len(FEATURE_NAMES)), dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        derived: dict[str, NDArray[Any]] = {
            "amount": amount,
            "category": category_codes(columns["category"], categories),
            "hour": event_ms // MS_PER_HOUR % 24,
            "weekday": (event_ms // MS_PER_DAY + 3) % 7,  # 1970-01-01 was a Thursday; Monday is 0
            "amt_over_avg_last_1h": amount / given["avg_amt_last_1h"],
            "amt_over_avg_last_1d": amount / given["avg_amt_last_1d"],
            "amt_ratio1": given["avg_amt_last_10m"] / given["avg_amt_last_1w"],
            "amt_ratio2": amount / given["avg_amt_last_1w"],
            "count_ratio": given["num_trans_last_10m"] / given["num_trans_last_1w"],
            "amt_over_avg_last_30d": amount / given["avg_amt_last_30d"],
            "amt_over_max_last_30d": amount / given["max_amt_last_30d"],
            "amt_over_avg_category_all": amount / given["avg_amt_category_all"],
            "category_share": given["num_trans_category_all"] / given["num_trans_all"],
            "hour_share": given["num_trans_hour_all"] / given["num_trans_all"],
            "amt_over_population": amount / given["avg_amt_population_30d"],
        }
        for window in ("10m", "1h", "1d"):
            count, average = given[f"num_trans_last_{window}"], given[f"avg_amt_last_{window}"]
            derived[f"avg_others_last_{window}"] = np.where(
                count > 1, np.rint(average * count * 100 - given["amount_cents"]) / 100 / (count - 1), np.nan
            )
        derived["amt_over_others_last_1d"] = amount / derived["avg_others_last_1d"]
        for position, name in enumerate(FEATURE_NAMES):
            vector[:, position] = derived[name] if name in derived else given[name]
    vector[~np.isfinite(vector)] = np.nan
    return vector
