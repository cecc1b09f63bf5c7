"""Rows of a trained generator: latents to calibrated elements, in pieces that are made side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sagemaker_src.synthesis.calibration import Calibration
from sagemaker_src.synthesis.networks import Array, Layers, Shape, decided, through
from sagemaker_src.synthesis.wgan_training import compiled

PIECE = 8192
"""Rows made at once: what they touch stays in a processor's cache."""
CALIBRATION_ROWS = 65_536

Matrix = NDArray[np.float32]


def clusters_of(matrix: Matrix, count: int, seed: int) -> Matrix:
    """The 1 among 0s of each row's cluster, (n, up to count), by k-means; clusters that no row is in are left out."""
    if count == 1 or not matrix.shape[1]:
        return np.ones((len(matrix), 1), np.float32)
    from sklearn.cluster import KMeans  # noqa: PLC0415 (seconds, and needed for training alone)

    count = min(count, len(np.unique(matrix, axis=0)))
    with threadpool_limits(1):  # so that sums are added in one order
        labels = KMeans(count, n_init=4, random_state=seed).fit_predict(matrix.astype(np.float64))
    return np.eye(count, dtype=np.float32)[np.unique(labels, return_inverse=True)[1]]


@lru_cache(maxsize=8)
def _compiled_generator(shape: Shape) -> Callable[[Layers, Array, Array], Array]:
    def made(generator: Layers, latent: Array, cluster: Array) -> Array:
        return through(generator, jnp.concatenate((latent, jax.nn.one_hot(cluster, shape.clusters)), -1)).T

    return compiled(made)


@dataclass(frozen=True)
class RowMaker:
    """What turns a seed into rows of the columns' matrix.

    Attributes:
        shares: (clusters) of the learned rows; rows are made of clusters in these shares.
        generator: its layers; none before training.
    """

    shape: Shape
    shares: NDArray[np.float32]
    generator: Layers = ()
    calibration: Calibration | None = None

    def of(self, generator: Layers) -> RowMaker:
        """The same for other layers."""
        return replace(self, generator=generator)

    def calibrated(self, elements: NDArray[np.int64], flags: NDArray[np.int64], seed: int) -> RowMaker:
        """The same with a calibration of these elements, by rows of its own (see `Calibration.of`)."""
        return replace(self, calibration=Calibration.of(self.rows(CALIBRATION_ROWS, seed), elements, flags))

    def latents(self, count: int, draws: np.random.Generator) -> tuple[Matrix, NDArray[np.int32]]:
        """Standard normal latents (count, latent) and the cluster of each row (count), by the learned shares."""
        latent = draws.standard_normal((count, self.shape.latent), np.float32)
        upto = np.cumsum(self.shares, dtype=np.float64)
        cluster = np.searchsorted(upto[:-1] / upto[-1], draws.random(count), side="right")
        return latent, cluster.astype(np.int32)

    def rows(self, count: int, seed: int) -> Matrix:
        """The rows (count, width): normal scores and 0/1 elements, a column's elements side by side in memory.

        Each piece has its own random numbers, so that they are the same however many threads make them.
        """
        matrix = np.empty((self.shape.width, count), np.float32).T
        if not self.generator:
            return matrix
        made = _compiled_generator(self.shape)

        def piece(start: int) -> None:
            draws = np.random.default_rng([seed, 4, start // PIECE])
            raw = np.array(made(self.generator, *self.latents(PIECE, draws))).T
            raw = decided(raw, self.shape.choices, draws)[: count - start]
            matrix[start : start + PIECE] = raw if self.calibration is None else self.calibration.apply(raw)

        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as threads:
            list(threads.map(piece, range(0, count, PIECE)))
        return matrix
