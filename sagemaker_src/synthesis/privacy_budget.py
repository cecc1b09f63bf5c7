"""Differential privacy of the critic's training: what noise an epsilon needs, and how rows are drawn.

The accountant is Google's `dp-accounting`. It is told the sampling that is really used: before each step of the critic
every row is drawn by itself, with probability batch / rows (Poisson sampling), so a step's number of rows varies.
Neighbouring tables differ in one row that is there or not. The generator sees the rows through the critic alone, so
what holds for the critic holds for all that it makes.

Covered: the values of a row. Not covered, and to be public anyway: how many rows there are, the columns with their
types, their bounds, and which categories a column has. Nothing else of the rows is used: no cluster, no fitted
distribution, no epoch chosen by real rows, no loss that is kept. What noise and draws come of is secret and written nowhere.
The noise is drawn by a fast generator in float32, not by one made to withstand an attacker who knows its state.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.wgan_batches import Batches

CLIP = 1.0
"""The most that the gradient of one row may be long."""


@dataclass(frozen=True)
class PrivacyBudget:
    """What a training may give away: (epsilon, delta)-differential privacy of one row.

    Attributes:
        noise_multiplier: the standard deviation of the noise on the summed gradient, in lengths of `clip`.
        rate: with which probability a step sees a row.
        steps: of the critic, in all.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    clip: float
    rate: float
    steps: int

    @classmethod
    def of(cls, epsilon: float, delta: float | None, *, rows: int, batch: int, steps: int) -> PrivacyBudget:
        """The least noise that keeps to an epsilon.

        Args:
            delta: 1 / (10 * rows) if none is given.

        Raises:
            SynthesisError: no noise keeps to it, or a value is out of its range.
        """
        import dp_accounting  # noqa: PLC0415 (seconds, and needed with this setting alone)
        from dp_accounting import rdp  # noqa: PLC0415
        from dp_accounting.mechanism_calibration import NoBracketIntervalFoundError  # noqa: PLC0415

        delta = 1 / (10 * rows) if delta is None else delta
        if not epsilon > 0 or not 0 < delta < 1:
            raise SynthesisError(
                f"epsilon {epsilon}, delta {delta}: allowed are epsilon above 0 and delta between 0 and 1"
            )
        rate = min(1.0, batch / rows)
        log = logging.getLogger("absl")
        level = log.level
        log.setLevel(logging.ERROR)  # it warns of each order that it leaves out, which costs nothing but tightness
        try:
            noise = dp_accounting.calibrate_dp_mechanism(
                rdp.RdpAccountant,
                lambda sigma: training_event(sigma, rate, steps),
                epsilon,
                delta,
                dp_accounting.LowerEndpointAndGuess(0.0, 1.0),
                tol=1e-4,
            )
        except (ValueError, NoBracketIntervalFoundError) as error:
            raise SynthesisError(
                f"no noise keeps {steps} steps to epsilon {epsilon:g} with delta {delta:g}; needed: a larger one of the two"
            ) from error
        finally:
            log.setLevel(level)
        return cls(epsilon, delta, float(noise), CLIP, rate, steps)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def training_event(noise_multiplier: float, rate: float, steps: int) -> Any:
    """A whole training, as the accountant takes it."""
    import dp_accounting  # noqa: PLC0415

    step = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise_multiplier))
    return dp_accounting.SelfComposedDpEvent(step, steps)


def places_of(rows: int, budget: PrivacyBudget, seed: int) -> NDArray[np.int64]:
    """How many rows each step of the whole training draws: (steps,), from the number of rows and the seed alone."""
    return np.random.default_rng([seed, 3]).binomial(rows, budget.rate, budget.steps)


def poisson_batches(rows: int, counts: NDArray[np.int64], places: int, draws: np.random.Generator) -> Batches:
    """Which rows each step draws: (steps, places), -1 in the places that stay empty.

    How many rows are drawn is binomial and given; which of them, every set of that size as likely as another: so each
    row was drawn by itself.
    """
    batches = np.full((len(counts), places), -1, np.int32)
    for step, count in enumerate(counts):
        batches[step, :count] = draws.permutation(rows)[:count]
    return batches
