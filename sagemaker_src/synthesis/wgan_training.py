"""A Wasserstein GAN with gradient penalty, one epoch at a time, compiled.

An epoch shows the critic every row once per critic step: with n rows and batches of b it has ceil(n / b) generator
steps (at least `LEAST_STEPS`), each after `critic_steps` steps of the critic, each of these on the next batch of a
shuffle of its own. The penalty holds the length of the critic's gradient at 1 for each row between a real and a made
one, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from sagemaker_src.synthesis.networks import Array, Layers, Shape, softened, through

LEAST_STEPS = 4
"""Generator steps of an epoch of few rows; each row is then seen more often."""
SINGLE = {"xla_cpu_multi_thread_eigen": False}
"""Each compiled function runs on one thread, so that sums are added in one order whatever the machine: same seed, same
bytes."""

Function = TypeVar("Function", bound=Callable[..., Any])
Matrix = NDArray[np.float32]
Batches = NDArray[np.int32]


@dataclass(frozen=True)
class Recipe:
    """How it is trained.

    Attributes:
        batch: rows that a step sees.
        critic_steps: steps of the critic for each of the generator.
        learning_rate: of Adam, whose averages forget at .5 and .9 a step.
        penalty: the weight of the gradient penalty.
        averaging: how much the averaged generator keeps of itself at each step.
    """

    batch: int = 128
    critic_steps: int = 5
    learning_rate: float = 5e-4
    penalty: float = 10.0
    averaging: float = 0.995

    def adam(self) -> optax.GradientTransformation:
        """The optimiser of either network."""
        return optax.adam(self.learning_rate, 0.5, 0.9)


class State(NamedTuple):
    """All that training goes on from: both networks, their optimisers, the averaged generator, the key of the random numbers."""

    generator: Layers
    critic: Layers
    generator_adam: Any
    critic_adam: Any
    average: Layers
    key: Array


class Losses(NamedTuple):
    """Means over an epoch's steps."""

    critic: float
    generator: float


def new_state(shape: Shape, recipe: Recipe, seed: int) -> State:
    """Networks that have learned nothing."""
    draws = np.random.default_rng([seed, 1])
    generator, critic = shape.generator(draws), shape.critic(draws)
    adam = recipe.adam()
    key = np.asarray(jax.random.key_data(jax.random.key(seed, impl="rbg")))
    state: State = jax.device_get(State(generator, critic, adam.init(generator), adam.init(critic), generator, key))
    return state


def epoch_batches(rows: NDArray[np.int32], steps: int, recipe: Recipe, draws: np.random.Generator) -> Batches:
    """Which rows each critic step of an epoch sees: (steps, critic_steps, batch), of the positions `rows` (m).

    Each of the `critic_steps` goes through a shuffle of all rows over the generator's steps, and on into the next
    shuffle.

    >>> batches = epoch_batches(np.arange(492, dtype=np.int32), 4, Recipe(), np.random.default_rng(0))
    >>> batches.shape, [len(np.unique(batches[:, step])) for step in range(5)]
    ((4, 5, 128), [492, 492, 492, 492, 492])
    """
    size = min(recipe.batch, len(rows))
    rounds = -(-steps * size // len(rows))
    passes = [
        np.concatenate([draws.permutation(rows) for _ in range(rounds)])[: steps * size].reshape(steps, size)
        for _ in range(recipe.critic_steps)
    ]
    return np.stack(passes, axis=1)


def steps_of(rows: int, recipe: Recipe) -> int:
    """The generator's steps in an epoch of so many rows."""
    return max(LEAST_STEPS, -(-rows // recipe.batch))


def critic_loss(critic: Layers, real: Array, made: Array, between: Array, cluster: Array, penalty: float) -> Array:
    """The mean loss of a batch: made score - real score + penalty * (length of the gradient - 1)^2, each row's own.

    Args:
        real, made, between: (batch, width); a row of `between` lies on the line from its made to its real row.
        cluster: (batch, clusters), the 1 among 0s of each of these rows.
    """
    both = jnp.concatenate((jnp.concatenate((real, made)), jnp.concatenate((cluster, cluster))), -1)
    scores = through(critic, both)[:, 0]

    def summed(rows: Array) -> Array:
        return through(critic, jnp.concatenate((rows, cluster), -1)).sum()

    # No row's score depends on another row, so the gradient of the sum holds each row's own gradient.
    slopes = jax.grad(summed)(between)
    lengths = jnp.sqrt(jnp.sum(slopes**2, -1) + 1e-12)
    rows = real.shape[0]
    return scores[rows:].mean() - scores[:rows].mean() + penalty * jnp.mean((lengths - 1) ** 2)


CriticGradient = Callable[[Layers, Array, Array, Array, Array, Array, Array], tuple[Array, Layers]]
"""(critic, key, positions, real, made, between, cluster) -> (loss, gradient); a position below 0 is an empty place."""
Epoch = Callable[[State, Array, Array, Batches], tuple[State, Array]]
"""(state, matrix (n, width), clusters (n, clusters), batches) -> (state, losses (steps, 2))."""


@lru_cache(maxsize=8)
def compiled_epoch(shape: Shape, recipe: Recipe) -> Epoch:
    """An epoch of plain training; it is compiled at its first call."""

    def gradient(critic: Layers, _key: Array, _at: Array, *rows: Array) -> tuple[Array, Layers]:
        return jax.value_and_grad(critic_loss)(critic, *rows, recipe.penalty)

    return compiled(epoch_function(shape, recipe, gradient))


def compiled(function: Function) -> Function:
    """The function, compiled for one thread where it runs on processors."""
    options = SINGLE if jax.default_backend() == "cpu" else {}
    return cast(Function, jax.jit(function, compiler_options=options))


def epoch_function(shape: Shape, recipe: Recipe, gradient: CriticGradient) -> Epoch:
    """An epoch with this gradient of the critic, not compiled."""
    adam = recipe.adam()

    def noise(key: Array, rows: tuple[int, ...]) -> Array | None:
        return jax.random.gumbel(key, (*rows, shape.width)) if shape.choices else None

    def made_of(generator: Layers, latent: Array, cluster: Array, gumbel: Array | None) -> Array:
        return softened(through(generator, jnp.concatenate((latent, cluster), -1)), shape.choices, gumbel)

    def generator_loss(generator: Layers, critic: Layers, latent: Array, cluster: Array, gumbel: Array | None) -> Array:
        made = made_of(generator, latent, cluster, gumbel)
        return -through(critic, jnp.concatenate((made, cluster), -1)).mean()

    def critic_step(learner: tuple[Layers, Any], seen: tuple[Array, ...]) -> tuple[tuple[Layers, Any], Array]:
        critic, critic_adam = learner
        loss, slopes = gradient(critic, *seen)
        change, critic_adam = adam.update(slopes, critic_adam)
        return (optax.apply_updates(critic, change), critic_adam), loss

    def step(matrix: Array, clusters: Array, state: State, batch: Array) -> tuple[State, Array]:
        """A step of the generator, after the critic's: batch (critic_steps, rows)."""
        following, *keys = jax.random.split(jax.random.wrap_key_data(state.key, impl="rbg"), 6)
        real, cluster = matrix[batch], clusters[batch]
        latent = jax.random.normal(keys[0], (batch.shape[0] + 1, batch.shape[1], shape.latent))
        made = made_of(state.generator, latent[1:], cluster, noise(keys[1], batch.shape))
        share = jax.random.uniform(keys[2], (*batch.shape, 1))
        between = share * real + (1 - share) * made
        seen = (jax.random.split(keys[3], batch.shape[0]), batch, real, made, between, cluster)
        (critic, critic_adam), losses = jax.lax.scan(critic_step, (state.critic, state.critic_adam), seen)
        loss, slopes = jax.value_and_grad(generator_loss)(
            state.generator, critic, latent[0], cluster[0], noise(keys[4], batch.shape[1:])
        )
        change, generator_adam = adam.update(slopes, state.generator_adam)
        generator = optax.apply_updates(state.generator, change)
        kept = recipe.averaging
        average = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, state.average, generator)
        after = State(generator, critic, generator_adam, critic_adam, average, jax.random.key_data(following))
        return after, jnp.stack((losses.mean(), loss))

    def epoch(state: State, matrix: Array, clusters: Array, batches: Array) -> tuple[State, Array]:
        return jax.lax.scan(lambda before, batch: step(matrix, clusters, before, batch), state, batches)

    return epoch
