"""How far what a generator makes lies from rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import ndtri

from sagemaker_src.synthesis.networks import Layers, decided, through
from sagemaker_src.synthesis.wgan_rows import RowMaker

MADE, REAL = 512, 1024
"""Rows compared at most."""

Matrix = NDArray[np.float32]


def energy_distance(one: Matrix, other: Matrix) -> float:
    """The energy distance of two samples (n, width), (m, width): 0 only for equal distributions, all columns together.

    >>> same = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    >>> energy_distance(same, same), energy_distance(same, same + 3) > 1
    (0.0, True)
    """
    between, inside, outside = (float(cdist(a, b).mean()) for a, b in ((one, other), (one, one), (other, other)))
    return 2 * between - inside - outside


def distance_to(held_out: Matrix, maker: RowMaker, seed: int) -> Callable[[Layers], float]:
    """The distance of a generator's rows to held-out ones; its rows are made of the same latents each time.

    Scores are calibrated by their ranks first, as those of the finished generator are: so what is compared is how
    columns go together.
    """
    held_out = held_out[:REAL]
    draws = np.random.default_rng([seed, 5])
    latent, cluster = maker.latents(MADE, draws)
    inputs = np.concatenate((latent, np.eye(maker.shape.clusters, dtype=np.float32)[cluster]), 1)
    chosen = {element for start, stop in maker.shape.choices for element in range(start, stop)}
    scores = [element for element in range(maker.shape.width) if element not in chosen]

    def distance(generator: Layers) -> float:
        raw = decided(through(generator, inputs, np.maximum), maker.shape.choices, np.random.default_rng([seed, 6]))
        ranks = raw[:, scores].argsort(0).argsort(0)
        raw[:, scores] = ndtri((ranks + 0.5) / len(raw))
        return energy_distance(raw, held_out)

    return distance
