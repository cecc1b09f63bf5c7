"""Privacy: whether synthetic rows lie closer to the rows that were learned than to real rows that were not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sagemaker_src.synthesis.quality.values import Matrix, Scale, fingerprints

LEAST = 10
"""So many held-out rows are needed to compare with."""
MOST = 5_000
"""Distances are measured of so many rows at most: a sample of them."""
DRAWS = 5
"""Adversarial accuracy needs as many rows of each kind: so many samples of them, on average."""


def privacy(
    trained: pd.DataFrame, held_out: pd.DataFrame | None, synthetic: pd.DataFrame, *, seed: int
) -> dict[str, Any]:
    """What distances tell, of plain rows: `privacy` of `quality.json` without the attacks.

    Args:
        trained: the rows that were learned.
        held_out: real rows that were not; None or under ten: only copies and distances are measured, `not_measured` says so.
        synthetic: the rows to judge.
        seed: of what is drawn.
    """
    comparable = held_out is not None and len(held_out) >= LEAST
    known = fingerprints(trained)
    scale = Scale(trained, synthetic, *(() if held_out is None else (held_out,)))
    learned, made = scale.points(_some(trained, seed)), scale.points(_some(synthetic, seed))
    unseen = scale.points(_some(held_out, seed)) if held_out is not None and len(held_out) else None
    rng = np.random.default_rng(seed)
    return {
        "exact_copies": int(np.isin(fingerprints(synthetic), known).sum()),
        "exact_copies_held_out": None if held_out is None else int(np.isin(fingerprints(held_out), known).sum()),
        "distance_to_closest": {
            "synthetic": _summary(closest(made, learned)),
            "held_out": None if unseen is None else _summary(closest(unseen, learned)),
        },
        "adversarial_accuracy": _adversarial(learned, unseen, made, rng) if comparable and unseen is not None else None,
        "membership_auc": membership_auc(learned, unseen, made) if comparable and unseen is not None else None,
        "not_measured": [] if comparable else _lacking(held_out),
    }


def _lacking(held_out: pd.DataFrame | None) -> list[dict[str, str]]:
    why = (
        "no real frauds were held out from the generator"
        if held_out is None
        else f"only {len(held_out)} real frauds were held out, {LEAST} are needed"
    )
    return [{"what": what, "why": why} for what in ("adversarial_accuracy", "membership_auc")]


def _some(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    return rows if len(rows) <= MOST else rows.sample(MOST, random_state=seed)


def closest(points: Matrix, to: Matrix, rank: int = 0) -> NDArray[np.float64]:
    """The distance of each of n points to the closest of others; with rank 1 to the second closest (the first is itself)."""
    # A tree's distances are exact: by the faster way of products, a copy is not at a distance of 0.
    neighbours = NearestNeighbors(n_neighbors=rank + 1, algorithm="ball_tree").fit(to)
    distances, _ = neighbours.kneighbors(points)
    return np.asarray(distances[:, rank])


def _summary(distances: NDArray[np.float64]) -> dict[str, float]:
    return {"p5": float(np.quantile(distances, 0.05)), "median": float(np.median(distances))}


def adversarial_accuracy(real: Matrix, made: Matrix) -> float:
    """Nearest-neighbour adversarial accuracy of as many real as synthetic points (Yale et al. 2020, Neurocomputing 416).

    How often a point's nearest neighbour is of its own kind. .5: the two kinds cannot be told apart; under .5: they lie closer to
    each other than to themselves.

    >>> adversarial_accuracy(np.array([[0.0], [1.0], [2.0]]), np.array([[0.1], [1.1], [2.1]]))
    0.0
    """
    of_real = closest(real, made) > closest(real, real, rank=1)
    of_made = closest(made, real) > closest(made, made, rank=1)
    return float((of_real.mean() + of_made.mean()) / 2)


def _adversarial(learned: Matrix, unseen: Matrix, made: Matrix, rng: np.random.Generator) -> dict[str, float] | None:
    size = min(len(learned), len(unseen), len(made))
    if size < LEAST:
        return None
    drawn = [
        [each[rng.choice(len(each), size, replace=False)] for each in (learned, unseen, made)]
        for _ in range(DRAWS)
    ]  # fmt: skip
    trained = float(np.mean([adversarial_accuracy(one, three) for one, _, three in drawn]))
    held_out = float(np.mean([adversarial_accuracy(two, three) for _, two, three in drawn]))
    return {"trained": trained, "held_out": held_out, "loss": held_out - trained}


def membership_auc(learned: Matrix, unseen: Matrix, made: Matrix) -> float:
    """How well the distance to the closest synthetic row tells learned from held-out rows: .5 is guessing."""
    near = -np.concatenate([closest(learned, made), closest(unseen, made)])
    return float(roc_auc_score(np.repeat([1, 0], [len(learned), len(unseen)]), near))
