"""What a model takes: the features it was made for, in their order, and the categories it knows.

A model names its features in its manifest, and is judged and served on those. Whoever asks it sends what it has by name, and the
model's server takes what the model was made for: so code and model need not be of one release. A feature that the code does not
know is missing, and one that the model does not know is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class ModelInputError(ValueError):
    """What a manifest says of a model's input cannot be: says what is wrong and what is allowed."""


class ModelInput(NamedTuple):
    """The input of a model.

    Attributes:
        names: its features, in order.
        categories: {feature: the values that it knows, in the order of their codes}, of those that are no numbers.
    """

    names: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @property
    def types(self) -> tuple[str, ...]:
        """XGBoost's types: `c` categorical (a code), `q` a quantity."""
        return tuple("c" if name in self.categories else "q" for name in self.names)

    def manifest(self) -> dict[str, Any]:
        """The three entries of a manifest that say it."""
        return {
            "feature_names": list(self.names),
            "feature_types": list(self.types),
            "categories": {name: list(values) for name, values in self.categories.items()},
        }


def read_model_input(said: Mapping[str, Any]) -> ModelInput:
    """The input that a manifest states by `feature_names` and `categories`.

    A list of categories, as manifests held before there was more than one feature of text, is that of `category`.

    Raises:
        ModelInputError: they cannot be.

    >>> read_model_input({"feature_names": ["amount", "category"], "categories": {"category": ["travel"]}}).types
    ('q', 'c')
    """
    names, categories = said.get("feature_names"), said.get("categories")
    if not _are_texts(names) or not names:
        raise ModelInputError("feature_names: not a list of different names")
    if _are_texts(categories):
        categories = {"category": categories} if "category" in names else {}
    if not isinstance(categories, Mapping) or not all(map(_are_texts, categories.values())):
        raise ModelInputError("categories: not an object of lists of different texts, {feature: [value, ...]}")
    if unknown := sorted(categories.keys() - set(names)):
        raise ModelInputError(f"categories: of {', '.join(unknown)}, which feature_names does not name")
    return ModelInput(tuple(names), {name: tuple(values) for name, values in categories.items()})


def _are_texts(values: object) -> bool:
    return (
        isinstance(values, list | tuple)
        and all(type(value) is str for value in values)
        and len(set(values)) == len(values)
    )
