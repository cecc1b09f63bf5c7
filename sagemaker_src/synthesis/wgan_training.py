"""A Wasserstein GAN with gradient penalty, one epoch at a time, compiled.

An epoch shows the critic every row once per critic step: with n rows and batches of b it has ceil(n / b) generator
steps, each after `critic_steps` steps of the critic, each of these on the next batch of a shuffle of its own. The
penalty holds the length of the critic's gradient at 1 for each row between a real and a made one, row by row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from sagemaker_src.synthesis.networks import Array, Layers, Shape, softened, through
from sagemaker_src.synthesis.wgan_batches import Batches, Noise, Recipe

SINGLE = {"xla_cpu_multi_thread_eigen": False}
"""Each compiled function runs on one thread, so that sums are added in one order whatever the machine: same seed, same bytes."""

Function = TypeVar("Function", bound=Callable[..., Any])
Matrix = NDArray[np.float32]


class State(NamedTuple):
    """All that training goes on from, with the seed and the epoch: both networks, their optimisers, the averaged generator."""

    generator: Layers
    critic: Layers
    generator_adam: Any
    critic_adam: Any
    average: Layers


def new_state(shape: Shape, recipe: Recipe, seed: int) -> State:
    """Networks that have learned nothing."""
    draws = np.random.default_rng([seed, 1])
    generator, critic = shape.generator(draws), shape.critic(draws)
    adam = recipe.adam()
    return cast(State, jax.device_get(State(generator, critic, adam.init(generator), adam.init(critic), generator)))


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
Epoch = Callable[[State, Array, Array, Batches, Noise], tuple[State, Array]]
"""(state, matrix (n, width), clusters (n, clusters), batches, noise) -> (state, losses (steps, 2))."""


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

    def made_of(generator: Layers, latent: Array, cluster: Array, gumbel: Array) -> Array:
        return softened(through(generator, jnp.concatenate((latent, cluster), -1)), shape.choices, gumbel)

    def generator_loss(generator: Layers, critic: Layers, latent: Array, cluster: Array, gumbel: Array) -> Array:
        made = made_of(generator, latent, cluster, gumbel)
        return -through(critic, jnp.concatenate((made, cluster), -1)).mean()

    def critic_step(learner: tuple[Layers, Any], seen: tuple[Array, ...]) -> tuple[tuple[Layers, Any], Array]:
        critic, critic_adam = learner
        loss, slopes = gradient(critic, *seen)
        change, critic_adam = adam.update(slopes, critic_adam)
        return (optax.apply_updates(critic, change), critic_adam), loss

    def step(matrix: Array, clusters: Array, state: State, batch: Array, noise: Noise) -> tuple[State, Array]:
        """A step of the generator, after the critic's: batch (critic_steps, rows)."""
        real, cluster = matrix[batch], clusters[batch]
        made = made_of(state.generator, noise.latent[:-1], cluster, noise.gumbel[:-1])
        between = noise.share * real + (1 - noise.share) * made
        seen = (noise.keys, batch, real, made, between, cluster)
        (critic, critic_adam), losses = jax.lax.scan(critic_step, (state.critic, state.critic_adam), seen)
        loss, slopes = jax.value_and_grad(generator_loss)(
            state.generator, critic, noise.latent[-1], cluster[-1], noise.gumbel[-1]
        )
        change, generator_adam = adam.update(slopes, state.generator_adam)
        generator = optax.apply_updates(state.generator, change)
        kept = np.float32(recipe.averaging)
        average = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, state.average, generator)
        after = State(generator, critic, generator_adam, critic_adam, average)
        return after, jnp.stack((losses.mean(), loss))

    def epoch(state: State, matrix: Array, clusters: Array, batches: Array, noise: Noise) -> tuple[State, Array]:
        return jax.lax.scan(lambda before, seen: step(matrix, clusters, before, *seen), state, (batches, noise))

    return epoch
