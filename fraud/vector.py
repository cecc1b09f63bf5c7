"""The model's input: which numbers, in which order, computed one way for training and for serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.derived import DERIVED_FEATURES, KNOWN_COLUMNS
from fraud.fields import FEATURE_FIELDS
from fraud.model_input import ModelInput

Columns = Mapping[str, Any]
"""{name: n values} of INPUT_COLUMNS: arrays, lists or a data frame's columns, whatever numpy makes an array of."""

CATEGORY_FEATURES = tuple(field.name for field in FEATURE_FIELDS if field.is_text)
"""Those that are text."""

INPUT_COLUMNS = (*CATEGORY_FEATURES, *KNOWN_COLUMNS)
"""What `model_vector` reads of a transaction."""

_DERIVED = {one.name: one for one in DERIVED_FEATURES}
_FIRST, *_OTHERS = _DERIVED

FEATURE_NAMES = (
    _FIRST,
    *(field.name for field in FEATURE_FIELDS),
    *_OTHERS,
    *names(STREAM_FEATURES),
    *names(NIGHTLY_FEATURES),
)
"""Every feature that is declared, in the order of a request to a model, which takes of them what it was made for."""

_NOT_TAKEN = {one.name for one in DERIVED_FEATURES if not one.model} | {
    feature.name for feature in (*STREAM_FEATURES, *NIGHTLY_FEATURES) if not feature.model
}
MODEL_FEATURES = tuple(name for name in FEATURE_NAMES if name not in _NOT_TAKEN)
"""Those that a new model takes, in the order of its vector, where its training rows hold them."""

SAYS = {
    **{one.name: one.says for one in DERIVED_FEATURES},
    **{field.name: field.says for field in FEATURE_FIELDS},
    **{feature.name: feature.says for feature in (*STREAM_FEATURES, *NIGHTLY_FEATURES)},
}
"""Each feature in plain words."""

UNITS = {
    **{one.name: one.unit for one in DERIVED_FEATURES},
    **{feature.name: feature.unit for feature in (*STREAM_FEATURES, *NIGHTLY_FEATURES)},
}
"""The unit of each that has one (`fraud.units`)."""


def declared_input(categories: Mapping[str, Sequence[str]]) -> ModelInput:
    """What a new model takes, with the categories that are known of each feature that is text.

    >>> declared_input({"category": ["home", "travel"]}).names[:2]
    ('amount', 'category')
    """
    return ModelInput(MODEL_FEATURES, _of_text(categories))


def given_input(columns: Columns) -> ModelInput:
    """All declared features, with the categories that occur in some transactions: what a request to a model holds.

    >>> given_input({"category": ["travel", "home", "travel"]}).categories["category"]
    ('home', 'travel')
    """
    categories = {
        name: sorted(value for value in set(columns[name]) if isinstance(value, str))
        for name in CATEGORY_FEATURES
        if name in columns
    }
    return ModelInput(FEATURE_NAMES, _of_text(categories))


def _of_text(categories: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(categories.get(name, ())) for name in CATEGORY_FEATURES}


def uncomputed(takes: ModelInput) -> tuple[str, ...]:
    """The features of a model that are always missing here: not declared, or text to the one and a number to the other.

    >>> uncomputed(ModelInput(("amount", "shoe_size"), {}))
    ('shoe_size',)
    """
    return tuple(
        name
        for name in takes.names
        if name not in FEATURE_NAMES or (name in takes.categories) != (name in CATEGORY_FEATURES)
    )


def category_codes(values: Any, categories: Sequence[str]) -> NDArray[np.float64]:
    """Each value's place in `categories`; NaN for one that the model has not seen, or a missing one.

    >>> category_codes(["travel", "new"], ["home", "travel"]).tolist()
    [1.0, nan]
    """
    codes = {name: float(code) for code, name in enumerate(categories)}
    missing = float("nan")
    if hasattr(values, "cat"):  # a data frame's column
        values = values.cat
    if hasattr(values, "categories"):  # a pandas Categorical: look up each distinct value once
        lookup: NDArray[np.float64] = np.array([codes.get(name, missing) for name in values.categories] + [missing])
        return lookup.take(np.asarray(values.codes))
    return np.fromiter(map(codes.get, values, repeat(missing)), dtype=np.float64, count=len(values))


def model_vector(columns: Columns, takes: ModelInput) -> NDArray[np.float32]:
    """A model's input for n transactions.

    Args:
        columns: INPUT_COLUMNS, n values each: `amount_cents` and `event_ms` (milliseconds since 1970 in UTC) whole, categories
            text (or a pandas Categorical), the features as numbers with NaN for missing. One that is not there is missing
            throughout; `event_ms` is always there.
        takes: what the model takes. A feature of it that is not declared here is missing.

    Returns:
        float32 of shape (n, len(takes.names)); missing is NaN, never infinite.

    >>> columns = {"event_ms": [0], "amount_cents": [1250], "category": ["travel"]}
    >>> model_vector(columns, ModelInput(("amount", "category", "amt_ratio2"), {"category": ("travel",)})).tolist()
    [[12.5, 0.0, nan]]
    """
    event_ms = np.asarray(columns["event_ms"], dtype=np.int64)
    nothing = np.full(len(event_ms), np.nan)
    known: dict[str, NDArray[Any]] = {"event_ms": event_ms}

    def values(name: str) -> NDArray[Any]:
        if name not in known:
            known[name] = computed(name)
        return known[name]

    def computed(name: str) -> NDArray[Any]:
        if name in _DERIVED:
            return _DERIVED[name].parsed.of(values)
        if name not in INPUT_COLUMNS or name not in columns:
            return nothing
        return np.asarray(columns[name], dtype=np.float64)

    vector = np.empty((len(event_ms), len(takes.names)), dtype=np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for position, name in enumerate(takes.names):
            if name in takes.categories:
                known_here = name in CATEGORY_FEATURES and name in columns
                vector[:, position] = category_codes(columns[name], takes.categories[name]) if known_here else nothing
            else:
                # a feature of text that the model takes for a number cannot be given
                vector[:, position] = nothing if name in CATEGORY_FEATURES else values(name)
    vector[~np.isfinite(vector)] = np.nan
    return vector
