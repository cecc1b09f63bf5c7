"""A whole training: two runs side by side, checkpoints, and the choice of the epoch.

The **scout** learns all rows but those held out, and at every kept epoch the distance of what it makes to the held-out
rows is measured. The **main** run learns all rows and is what is kept, at the epoch at which the scout came closest. So
every row is learned, and yet no row has a say in both learning and choosing. The price is a second training; it has a
thread, thus a processor, of its own. Both are deterministic by themselves, so how many processors there are changes no
byte.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from sagemaker_src.synthesis.checkpoints import Checkpoints, fingerprint
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.networks import Layers, Shape
from sagemaker_src.synthesis.privacy_budget import PrivacyBudget, places_of, poisson_batches
from sagemaker_src.synthesis.private_training import compiled_private_epoch
from sagemaker_src.synthesis.wgan_batches import Batches, Noise, Recipe, epoch_batches
from sagemaker_src.synthesis.wgan_training import Matrix, State, compiled_epoch, new_state

KEPT_EPOCHS = 20

Distance = Callable[[Layers], float]
"""Of a generator to the held-out rows."""


@dataclass(frozen=True)
class Plan:
    """What is trained, how long, and from which seed.

    Attributes:
        secret: what the noise and the draws of a private training come of, in place of the seed: whoever knew it could take
            them out again. It is written nowhere, so that one that was killed goes on with others.
    """

    shape: Shape
    recipe: Recipe
    epochs: int
    checkpoint_every: int
    seed: int
    budget: PrivacyBudget | None = None
    secret: int | None = field(default=None, repr=False)


@dataclass
class Trained:
    """Where a training stands.

    Attributes:
        epoch: epochs done.
        averages: {kept epoch: the main run's averaged generator}; 0 is the untrained one.
        history: {"epoch", "critic_loss", "generator_loss", "distance"} of each epoch of the main run; `distance` of
            kept epochs alone.
    """

    epoch: int
    averages: dict[int, Layers]
    history: list[dict[str, Any]] = field(default_factory=list)

    def chosen(self) -> int:
        """The epoch at which the scout came closest; the last one if there was no scout."""
        measured = [row for row in self.history if row["distance"] is not None]
        return int(min(measured, key=lambda row: row["distance"])["epoch"]) if measured else self.epoch


def kept_epochs(epochs: int) -> list[int]:
    """Up to 20 epochs, evenly from 0 to the last, whose generators are kept.

    >>> kept_epochs(3), kept_epochs(500)[:3], kept_epochs(500)[-1], len(kept_epochs(500))
    ([0, 1, 2, 3], [0, 26, 53], 500, 20)
    """
    return sorted({round(epoch) for epoch in np.linspace(0, epochs, min(KEPT_EPOCHS, epochs + 1))})


class Run:
    """One network pair in training on some of the rows."""

    def __init__(self, plan: Plan, matrix: Matrix, clusters: Matrix, rows: NDArray[np.int32], stream: int) -> None:
        self.plan = plan
        self.state: State = new_state(plan.shape, plan.recipe, plan.seed)
        self._matrix, self._clusters = jax.device_put((matrix, clusters))
        self._rows, self._stream = rows, stream
        self._drawn_of = plan.seed if plan.secret is None else plan.secret
        self._steps = plan.recipe.steps(len(matrix))
        if plan.budget is None:
            self._epoch = compiled_epoch(plan.shape, plan.recipe)
        else:
            self._places = places_of(len(rows), plan.budget, self._drawn_of)
            self._epoch = compiled_private_epoch(plan.shape, plan.recipe, plan.budget, len(rows))

    def seen(self, epoch: int) -> tuple[Batches, Noise]:
        """Which rows each critic step of an epoch (from 1) sees, and its random numbers."""
        draws = np.random.default_rng([self._drawn_of, 2, self._stream, epoch])
        if self.plan.budget is None:
            batches = epoch_batches(self._rows, self._steps, self.plan.recipe, draws)
        else:
            each = self._steps * self.plan.recipe.critic_steps
            counts = self._places[(epoch - 1) * each : epoch * each]
            drawn = poisson_batches(len(self._rows), counts, int(self._places.max()), draws)
            batches = drawn.reshape(self._steps, self.plan.recipe.critic_steps, -1)
        return batches, Noise.of(self.plan.shape, batches, draws)

    def compile(self, other: Run | None = None) -> None:
        """Compiles an epoch; of another run of the same plan, once for both."""
        arguments = (self.state, self._matrix, self._clusters, *self.seen(1))
        self._epoch = self._epoch.lower(*arguments).compile()  # type: ignore[attr-defined]
        if other is not None:
            other._epoch = self._epoch

    def train(self, epoch: int) -> tuple[float, float]:
        """Trains an epoch; the critic's and the generator's mean loss.

        Raises:
            SynthesisError: the training went astray.
        """
        self.state, losses = self._epoch(self.state, self._matrix, self._clusters, *self.seen(epoch))
        critic, generator = (float(loss) for loss in np.asarray(losses).mean(0))
        if not np.isfinite(critic + generator):
            raise SynthesisError(f"the losses of epoch {epoch} are no numbers: the values are too far apart")
        return critic, generator


def train(
    plan: Plan,
    matrix: Matrix,
    clusters: Matrix,
    held_out: NDArray[np.int32],
    distance: Distance,
    progress: Progress,
    work: Path | None,
) -> Trained:
    """Trains to the last epoch, from the newest checkpoint in `work` if there is one.

    Args:
        matrix: (n, width) rows to learn.
        clusters: (n, clusters) the 1 among 0s of each.
        held_out: places of the rows that the scout does not see; none: there is no scout.
    """
    everything = np.arange(len(matrix), dtype=np.int32)
    runs = [Run(plan, matrix, clusters, everything, 0)]
    if len(held_out):
        runs.append(Run(plan, matrix, clusters, np.setdiff1d(everything, held_out), 1))
    runs[0].compile(runs[-1])
    kept = kept_epochs(plan.epochs)
    done = Trained(0, {0: runs[0].state.average})
    checkpoints = None
    if work is not None:
        told = {"plan": repr(plan), "held_out": held_out.tolist()}
        fit = fingerprint(told, (matrix, clusters), (jax.__version__, np.__version__))
        averages = [runs[0].state.average] * len(kept)
        checkpoints = Checkpoints(work, fit, ([run.state for run in runs], averages))
        done = _resumed(checkpoints, runs, kept) or done
    stops = sorted({*kept, *range(0, plan.epochs, plan.checkpoint_every), plan.epochs})
    with ThreadPoolExecutor(1) as beside:
        for start, stop in pairwise(stops):
            if stop <= done.epoch:
                continue
            scouted = beside.submit(_scout, runs[1:], start, stop, distance if stop in kept else None)
            for epoch in range(start + 1, stop + 1):
                critic, generator = runs[0].train(epoch)
                done.history.append(
                    {"epoch": epoch, "critic_loss": critic, "generator_loss": generator, "distance": None}
                )
                progress(f"epoch {epoch}: critic {critic:.3f}, generator {generator:.3f}", epoch, plan.epochs)
            done.history[-1]["distance"] = scouted.result()
            done.epoch = stop
            if stop in kept:
                done.averages[stop] = jax.device_get(runs[0].state.average)
            if checkpoints is not None and (stop % plan.checkpoint_every == 0 or stop == plan.epochs):
                _write(checkpoints, done, runs, kept)
    return done


def _scout(runs: list[Run], start: int, stop: int, distance: Distance | None) -> float | None:
    """Trains the scout, if there is one, and measures its distance if one is asked for."""
    for run in runs:
        for epoch in range(start + 1, stop + 1):
            run.train(epoch)
        if distance is not None:
            return distance(jax.device_get(run.state.average))
    return None


def _write(checkpoints: Checkpoints, done: Trained, runs: list[Run], kept: list[int]) -> None:
    averages = [done.averages.get(epoch, done.averages[0]) for epoch in kept]
    checkpoints.write(done.epoch, ([jax.device_get(run.state) for run in runs], averages), {"history": done.history})


def _resumed(checkpoints: Checkpoints, runs: list[Run], kept: list[int]) -> Trained | None:
    found = checkpoints.newest()
    if found is None:
        return None
    (states, averages), told = found
    for run, state in zip(runs, states, strict=True):
        run.state = state
    epoch = int(told["epoch"])
    known = {at: average for at, average in zip(kept, averages, strict=True) if at <= epoch}
    return Trained(epoch, known, list(told["history"]))
