"""What an epoch of training is made of: which rows each step sees, and its random numbers, from the seed and the epoch alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import optax
from numpy.typing import NDArray

from sagemaker_src.synthesis.networks import Shape

LEAST_STEPS = 4
"""Generator steps of an epoch of few rows; each row is then seen more often."""

Batches = NDArray[np.int32]
Array = Any


@dataclass(frozen=True)
class Recipe:
    """How it is trained.

    Attributes:
        batch: rows that a step sees.
        critic_steps: steps of the critic for each of the generator.
        learning_rate: of Adam, whose averages keep .5 and .9 of themselves at a step.
        penalty: the weight of the gradient penalty.
        averaging: how much the averaged generator keeps of itself at a step.
    """

    batch: int = 128
    critic_steps: int = 4
    learning_rate: float = 1e-3
    penalty: float = 10.0
    averaging: float = 0.995

    def adam(self) -> optax.GradientTransformation:
        """The optimiser of either network."""
        return optax.adam(self.learning_rate, 0.5, 0.9)

    def steps(self, rows: int) -> int:
        """The generator's steps in an epoch of so many rows."""
        return max(LEAST_STEPS, -(-rows // self.batch))


class Noise(NamedTuple):
    """Random numbers of an epoch, or of one of its steps without the first axis.

    Attributes:
        latent: (steps, critic_steps + 1, batch, latent) standard normal; the last of each step is the generator's own.
        gumbel: (steps, critic_steps + 1, batch, elements of choices) Gumbel's.
        share: (steps, critic_steps, batch, 1) uniform in [0, 1): where between its made and its real row a row lies.
        keys: (steps, critic_steps, 4) of the noise on a private gradient.
    """

    latent: Array
    gumbel: Array
    share: Array
    keys: Array

    @classmethod
    def of(cls, shape: Shape, batches: Batches, draws: np.random.Generator) -> Noise:
        """An epoch's, for batches (steps, critic_steps, batch)."""
        steps, critic_steps, batch = batches.shape
        made = (steps, critic_steps + 1, batch)
        latent = draws.standard_normal((*made, shape.latent), np.float32)
        gumbel = -np.log(draws.standard_exponential((*made, shape.chosen), np.float32) + np.float32(1e-30))
        share = draws.random((steps, critic_steps, batch, 1), np.float32)
        return cls(latent, gumbel, share, draws.integers(0, 2**32, (steps, critic_steps, 4), np.uint32))


def epoch_batches(rows: NDArray[np.int32], steps: int, recipe: Recipe, draws: np.random.Generator) -> Batches:
    """Which rows each critic step of an epoch sees: (steps, critic_steps, batch), of the positions `rows` (m).

    Each of the `critic_steps` goes through a shuffle of all rows over the generator's steps, and on into the next
    shuffle.

    >>> batches = epoch_batches(np.arange(492, dtype=np.int32), 4, Recipe(), np.random.default_rng(0))
    >>> batches.shape, [len(np.unique(batches[:, step])) for step in range(4)]
    ((4, 4, 128), [492, 492, 492, 492])
    """
    size = min(recipe.batch, len(rows))
    rounds = -(-steps * size // len(rows))
    passes = [
        np.concatenate([draws.permutation(rows) for _ in range(rounds)])[: steps * size].reshape(steps, size)
        for _ in range(recipe.critic_steps)
    ]
    return np.stack(passes, axis=1)
