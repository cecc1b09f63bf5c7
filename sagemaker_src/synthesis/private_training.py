"""The critic's training under differential privacy: each row's gradient clipped, noise on their sum (DP-SGD)."""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp

from sagemaker_src.synthesis.networks import Array, Layers, Shape
from sagemaker_src.synthesis.privacy_budget import PrivacyBudget
from sagemaker_src.synthesis.wgan_batches import Recipe
from sagemaker_src.synthesis.wgan_training import CriticGradient, Epoch, compiled, critic_loss, epoch_function


@lru_cache(maxsize=8)
def compiled_private_epoch(shape: Shape, recipe: Recipe, budget: PrivacyBudget, rows: int) -> Epoch:
    """An epoch on Poisson's batches of so many rows, compiled at its first call."""
    return compiled(epoch_function(shape, recipe, private_gradient(budget, recipe.penalty, budget.rate * rows)))


def private_gradient(budget: PrivacyBudget, penalty: float, expected: float) -> CriticGradient:
    """The gradient of `critic_loss` as the mean over the expected number of rows, each row's clipped, with noise on their sum."""

    deviation = budget.noise_multiplier * budget.clip

    def one(critic: Layers, *row: Array) -> tuple[Array, Layers]:
        """Loss and gradient of one row: the penalty uses its own interpolation alone."""
        return jax.value_and_grad(critic_loss)(critic, *(each[None] for each in row), penalty)

    def gradient(critic: Layers, key: Array, at: Array, *rows: Array) -> tuple[Array, Layers]:
        there = (at >= 0).astype(jnp.float32)
        losses, slopes = jax.vmap(lambda *row: one(critic, *row))(*rows)
        clipped = clipped_rows(slopes, budget.clip)
        leaves, tree = jax.tree.flatten(clipped)
        keys = jax.random.split(jax.random.wrap_key_data(key, impl="rbg"), len(leaves))
        noised = [
            (jnp.tensordot(there, leaf, 1) + deviation * jax.random.normal(key, leaf.shape[1:])) / expected
            for key, leaf in zip(keys, leaves, strict=True)
        ]
        return (losses * there).sum() / jnp.maximum(there.sum(), 1), jax.tree.unflatten(tree, noised)

    return gradient


def clipped_rows(slopes: Layers, clip: float) -> Layers:
    """Gradients of rows, (rows, ...) in each leaf, each shortened to the length `clip` over all leaves if it is longer."""
    squares = sum(jnp.sum(leaf.reshape(len(leaf), -1) ** 2, 1) for leaf in jax.tree.leaves(slopes))
    factor = jnp.minimum(1.0, clip / jnp.maximum(jnp.sqrt(squares), 1e-12))
    clipped: Layers = jax.tree.map(lambda leaf: leaf * factor.reshape(-1, *[1] * (leaf.ndim - 1)), slopes)
    return clipped
