"""The two networks of a generative adversarial pair: a generator that makes rows of a latent, and a critic that scores
rows.

Both are layers of `inputs @ weights + biases` with a leaky rectifier between them, plain arrays in a plain tuple: so
the same function runs compiled by JAX and, where a few hundred rows are wanted, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LEAK = 0.2
"""The slope of the rectifier below 0."""
TEMPERATURE = 0.2
"""Of the softmax that lets gradients through a choice among categories."""

Array = Any
"""A NumPy or a JAX array, float32."""
Layers = tuple[tuple[Array, Array], ...]
"""(weights (inputs, outputs), biases (outputs)) of each layer."""


@dataclass(frozen=True)
class Shape:
    """What the networks take and give; hashable, so that what is compiled for it is compiled once.

    Attributes:
        width: elements of a row in the columns' transform.
        choices: (start, stop) of elements of which one is 1 and the others 0: categories, missing or not.
        clusters: how many; which one a row is of is told to both networks.
        latent: standard normal numbers that a row is made of.
        hidden: units of each of the two hidden layers.
    """

    width: int
    choices: tuple[tuple[int, int], ...]
    clusters: int
    latent: int
    hidden: int

    @property
    def chosen(self) -> int:
        """Elements of all choices."""
        return sum(stop - start for start, stop in self.choices)

    def generator(self, draws: np.random.Generator) -> Layers:
        """A generator that has learned nothing."""
        return new_layers(draws, (self.latent + self.clusters, self.hidden, self.hidden, self.width))

    def critic(self, draws: np.random.Generator) -> Layers:
        """A critic that has learned nothing."""
        return new_layers(draws, (self.width + self.clusters, self.hidden, self.hidden, 1))


def new_layers(draws: np.random.Generator, sizes: tuple[int, ...]) -> Layers:
    """Layers from sizes[0] inputs to sizes[-1] outputs, with He's normal weights and no biases.

    >>> [weights.shape for weights, _ in new_layers(np.random.default_rng(0), (36, 96, 30))]
    [(36, 96), (96, 30)]
    """

    def layer(inputs: int, outputs: int) -> tuple[Array, Array]:
        scale = np.float32(np.sqrt(2 / inputs))
        return draws.standard_normal((inputs, outputs), np.float32) * scale, np.zeros(outputs, np.float32)

    return tuple(layer(inputs, outputs) for inputs, outputs in pairwise(sizes))


def through(layers: Layers, inputs: Array, maximum: Callable[[Array, Array], Array] = jnp.maximum) -> Array:
    """What the layers make of inputs (..., first size): (..., last size); with `np.maximum` it runs in NumPy."""
    for weights, biases in layers[:-1]:
        inputs = inputs @ weights + biases
        inputs = maximum(inputs, LEAK * inputs)
    weights, biases = layers[-1]
    return inputs @ weights + biases


def softened(raw: Array, choices: tuple[tuple[int, int], ...], noise: Array) -> Array:
    """Generated elements (rows, width) with each choice as a softmax that noise has decided, for training.

    Args:
        noise: Gumbel's, (rows, elements of choices). A category comes out as often as its softmax says, at training as
            at sampling (`decided`), where the greatest of the same sum is taken.
    """
    if not choices:
        return raw
    parts, at = [], 0
    for (start, stop), choice in spans(choices, raw.shape[-1]):
        part = raw[..., start:stop]
        if choice:
            part = jax.nn.softmax((part + noise[..., at : at + stop - start]) / TEMPERATURE)
            at += stop - start
        parts.append(part)
    return jnp.concatenate(parts, -1)


def decided(raw: Array, choices: tuple[tuple[int, int], ...], draws: np.random.Generator) -> Array:
    """Generated elements (rows, width) with each choice as a 1 among 0s; `raw` itself is overwritten (NumPy)."""
    for start, stop in choices:
        part = raw[:, start:stop]
        part += draws.gumbel(size=part.shape).astype(np.float32)
        chosen = part.argmax(1)
        part[:] = 0
        part[np.arange(len(part)), chosen] = 1
    return raw


def spans(choices: tuple[tuple[int, int], ...], width: int) -> Iterator[tuple[tuple[int, int], bool]]:
    """((start, stop), whether it is a choice), in rising order over all elements.

    >>> list(spans(((1, 3), (5, 7)), 8))
    [((0, 1), False), ((1, 3), True), ((3, 5), False), ((5, 7), True), ((7, 8), False)]
    """
    at = 0
    for start, stop in choices:
        if at < start:
            yield (at, start), False
        yield (start, stop), True
        at = stop
    if at < width:
        yield (at, width), False
