"""A generative adversarial network that learns the rows of the rare class (Wasserstein, with gradient penalty).

Both networks are told which cluster of rows a row belongs to. What is kept is a running average of the generator, at
the epoch at which what it makes lies closest to rows held out (`wgan_epochs`). Every generated element then goes
through a fixed rising map that makes its distribution the learned rows' own (`calibration`), and back through the
columns' transform.

What earlier programs of this kind got wrong, and what holds here instead:

- They trained on the same 128 of 492 rows for ever: here each epoch shows every row to the critic (`epoch_batches`).
- They summed the gradient over a batch and held the length of that sum at 1: here each row's gradient has its own
penalty.
- They trained on normal latents and sampled from uniform ones: here both are standard normal, drawn in one way.
- They gave whole batches, 512 rows where 492 were asked for: here exactly as many as are asked for.
- They gave negative amounts: here no value leaves the bounds of its column.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis import wgan_files
from sagemaker_src.synthesis.bounded_columns import BoundedTransform
from sagemaker_src.synthesis.columns import TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.networks import Shape
from sagemaker_src.synthesis.privacy_budget import PrivacyBudget
from sagemaker_src.synthesis.wgan_batches import Recipe
from sagemaker_src.synthesis.wgan_distance import distance_to
from sagemaker_src.synthesis.wgan_epochs import Plan, Trained, train
from sagemaker_src.synthesis.wgan_rows import RowMaker, clusters_of

LEAST_ROWS = 5
"""Fewer cannot be told from one another's neighbours; `resampling` takes any number."""
LEAST_HELD_OUT = 5
ROWS_PER_CLUSTER = 20
SNAPSHOT_ROWS = 300

Transform = TableTransform | BoundedTransform
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """How a WganGenerator learns.

    Attributes:
        epochs: how often every row is seen, by each of the critic's steps for one of the generator.
        clusters: at most; fewer if there are fewer than 20 rows for each. 1 with an epsilon.
        epsilon, delta: of differential privacy; none without an epsilon. Every column of numbers needs `bounds` then.
        held_out_share: of the rows that choose the epoch; 0, or fewer than 5 rows of it: the last epoch. 0 with an
            epsilon.
        batch: rows that a step sees; with an epsilon, on average.
        hidden, latent: units of each hidden layer, normal numbers that a row is made of.
        checkpoint_every: epochs, where a folder for checkpoints is given.
        bounds: {column of numbers: (least, most)}; none: the least and most that was learned.
    """

    epochs: int = 500
    clusters: int = 4
    epsilon: float | None = None
    delta: float | None = None
    held_out_share: float = 0.2
    batch: int = 128
    hidden: int = 64
    latent: int = 16
    checkpoint_every: int = 50
    bounds: Mapping[str, tuple[float, float]] | None = None

    def __post_init__(self) -> None:
        """Checks them."""
        for name in ("epochs", "clusters", "batch", "hidden", "latent", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise SynthesisError(f"{name} {getattr(self, name)}: allowed is 1 or more")
        if not 0 <= self.held_out_share <= 0.5:
            raise SynthesisError(f"held_out_share {self.held_out_share}: allowed is 0 to 0.5")
        if self.epsilon is not None and not self.epsilon > 0:
            raise SynthesisError(f"epsilon {self.epsilon}: allowed is above 0")
        if self.delta is not None and self.epsilon is None:
            raise SynthesisError(
                "delta without epsilon: it is a part of differential privacy, which an epsilon turns on"
            )


@dataclass
class Fitted:
    """What was learned."""

    seed: int
    transform: Transform
    maker: RowMaker
    chosen_epoch: int
    history: list[dict[str, Any]]
    snapshots: pd.DataFrame
    budget: PrivacyBudget | None


class WganGenerator:
    """Learns the rows of a table, and makes new rows like them: see `sagemaker_src.synthesis.generators.Generator`."""

    def __init__(self, **settings: Any) -> None:
        """A generator that has learned nothing; its settings are those of `Settings`.

        Raises:
            SynthesisError: a setting is wrong.
        """
        unknown = set(settings) - set(Settings.__dataclass_fields__)
        if unknown:
            allowed = ", ".join(Settings.__dataclass_fields__)
            raise SynthesisError(f"{min(unknown)}: no setting of the wgan; allowed: {allowed}")
        self.settings = Settings(**settings)
        self._fitted: Fitted | None = None

    def fit(self, rows: pd.DataFrame, *, seed: int, progress: Progress, work: Path | None = None) -> None:
        """Learns n rows, every one of them; with an epsilon, within that privacy.

        Args:
            rows: of the rare class alone, without the label's column.
            seed: the same rows, settings and seed give the same bytes; with an epsilon they do not, for the noise is secret.
            work: a folder for checkpoints; a fit that was killed goes on from the newest there, with the same result.

        Raises:
            SynthesisError: there are too few rows, or nothing can be learned of them.
        """
        settings = self.settings
        if len(rows) < LEAST_ROWS:
            raise SynthesisError(
                f"a wgan needs at least {LEAST_ROWS} rows of the rare class; there are {len(rows)} (resampling takes any number)"
            )
        private = settings.epsilon is not None
        transform: Transform = (BoundedTransform if private else TableTransform).fit(rows, settings.bounds)
        draws = np.random.default_rng([seed, 0])
        matrix = _filled(transform, transform.forward(rows, draws), draws)
        held_out = np.zeros(0, np.int32) if private else _held_out(len(rows), settings.held_out_share, draws)
        recipe = Recipe(batch=min(settings.batch, len(rows) - len(held_out)))
        budget = None
        if settings.epsilon is not None:
            steps = settings.epochs * recipe.steps(len(rows)) * recipe.critic_steps
            budget = PrivacyBudget.of(settings.epsilon, settings.delta, rows=len(rows), batch=recipe.batch, steps=steps)
        few = max(1, len(rows) // ROWS_PER_CLUSTER)
        clusters = clusters_of(matrix, 1 if private else min(settings.clusters, few), seed)
        choices = tuple((block.start, block.stop) for block in transform.blocks if block.kind == "one-hot")
        shape = Shape(transform.width, choices, clusters.shape[1], settings.latent, settings.hidden)
        secret = secrets.randbits(128) if private else None
        plan = Plan(shape, recipe, settings.epochs, settings.checkpoint_every, seed, budget, secret)
        maker = RowMaker(shape, clusters.mean(0))
        trained = Trained(0, {})
        if transform.width:
            distance = distance_to(matrix[held_out], maker, seed)
            trained = train(plan, matrix, clusters, held_out, distance, progress, work)
            maker = maker.of(trained.averages[trained.chosen()])
            if not private:
                maker = maker.calibrated(*_values(transform), seed)
        self._fitted = Fitted(
            seed=seed,
            transform=transform,
            maker=maker,
            chosen_epoch=trained.chosen(),
            history=[_told(row, trained.chosen(), private) for row in trained.history],
            snapshots=_snapshots(transform, maker, trained, min(len(rows), SNAPSHOT_ROWS), seed),
            budget=budget,
        )

    def sample(self, count: int, seed: int) -> pd.DataFrame:
        """So many new rows, in the columns, their order and the types of those that were learned.

        Raises:
            SynthesisError: the count is below 0, or nothing was learned yet.
        """
        if count < 0:
            raise SynthesisError(f"{count} rows: allowed is 0 or more")
        fitted = self.fitted
        return fitted.transform.inverse(fitted.maker.rows(count, seed))

    @property
    def fitted(self) -> Fitted:
        """What was learned.

        Raises:
            SynthesisError: nothing was yet.
        """
        if self._fitted is None:
            raise SynthesisError("the generator has learned nothing yet: fit it first")
        return self._fitted

    def save(self, folder: Path) -> None:
        """Writes the generator into a folder, `generator.json` last; what the transform keeps of the rows is in it."""
        wgan_files.save(folder, self.settings, self.fitted)

    @classmethod
    def load(cls, folder: Path) -> WganGenerator:
        """The generator that was saved there.

        Raises:
            SynthesisError: a file of it is missing, or was written by another version.
        """
        settings, fitted = wgan_files.load(folder)
        generator = cls(**settings)
        generator._fitted = fitted
        return generator


def _held_out(rows: int, share: float, draws: np.random.Generator) -> NDArray[np.int32]:
    count = int(rows * share)
    return np.sort(draws.permutation(rows)[: count if count >= LEAST_HELD_OUT else 0]).astype(np.int32)


def _told(row: dict[str, Any], chosen: int, private: bool) -> dict[str, Any]:
    """An epoch as the history has it; the critic's loss on real rows has no noise on it, and is of no private training."""
    return {**row, "critic_loss": None if private else row["critic_loss"], "chosen": row["epoch"] == chosen}


def _values(transform: Transform) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each block of scores: its element, and the one that says that a value is there (-1: it always is)."""
    flags = {block.column: block.start for block in transform.blocks if block.kind == "one-hot"}
    scores = [block for block in transform.blocks if block.kind == "value"]
    elements = np.array([block.start for block in scores], np.int64)
    return elements, np.array([flags.get(block.column, -1) for block in scores], np.int64)


def _filled(transform: Transform, matrix: Matrix, draws: np.random.Generator) -> Matrix:
    """The matrix with a normal score of no meaning where a value is missing: a network cannot make the constant there."""
    for element, flag in zip(*_values(transform), strict=True):
        if flag >= 0:
            missing = matrix[:, flag] == 0
            matrix[missing, element] = draws.standard_normal(int(missing.sum()), np.float32)
    return matrix


def _snapshots(transform: Transform, maker: RowMaker, trained: Trained, count: int, seed: int) -> pd.DataFrame:
    """So many rows of each kept epoch, the same latents each time, after the final calibration."""
    parts = []
    for epoch, average in sorted(trained.averages.items()):
        part = transform.inverse(maker.of(average).rows(count, seed))
        part.insert(0, _epoch_column(part), epoch)
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"epoch": []})


def _epoch_column(rows: pd.DataFrame) -> str:
    """A name for the epoch that no column of the table has; readers take the first column."""
    name = "epoch"
    while name in rows.columns:
        name += "_"
    return name
