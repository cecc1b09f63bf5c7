"""The whole quality of synthetic frauds: fidelity, privacy, utility and the verdict, as it stands in `quality.json`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Generator, Progress
from sagemaker_src.synthesis.quality.attacks import ATTACKS, attacks
from sagemaker_src.synthesis.quality.bench import Trial
from sagemaker_src.synthesis.quality.fidelity import fidelity
from sagemaker_src.synthesis.quality.privacy import privacy
from sagemaker_src.synthesis.quality.utility import utility
from sagemaker_src.synthesis.quality.values import plain
from sagemaker_src.synthesis.quality.verdict import Limits, judge
from sagemaker_src.synthesis.table import FraudTable

DIGITS = 6
"""Numbers are written with so many decimals."""


@dataclass(frozen=True)
class Effort:
    """How much is done: the more, the surer and the slower.

    Attributes:
        rounds: of the judge's trees.
        honest_rows: that the judge is trained and tested with, at most.
        trees: of each random forest that tells real from synthetic.
        draws: so many samples are told apart.
        attacks: of each kind, at most.
    """

    rounds: int = 100
    honest_rows: int = 100_000
    trees: int = 100
    draws: int = 3
    attacks: int = ATTACKS


FULL = Effort()
QUICK = Effort(rounds=50, honest_rows=15_000, trees=50, draws=2, attacks=100)
"""For a first look."""


def evaluate(
    table: FraudTable,
    synthetic: pd.DataFrame,
    *,
    trained: NDArray[np.bool_] | None,
    time: str | None,
    generator: Callable[[], Generator] | None,
    resplits: int = 8,
    limits: Limits,
    seed: int,
    progress: Progress,
    effort: Effort = FULL,
) -> dict[str, Any]:
    """What synthetic frauds are worth: `quality.json`. What cannot be measured is None, and `not_measured` says why.

    Args:
        table: the real rows.
        synthetic: n frauds, in the table's columns.
        trained: of the table's frauds in their order, which the generator learned; the others are held out. None: it learned all
            or nobody knows, so that nothing of privacy that compares with held-out rows can be measured.
        time: the column that says when a row happened, if any.
        generator: makes a generator like the one that made the rows, to learn anew in each resplit. None: the rows themselves are
            used throughout, and the gain is an upper bound.
        resplits: so many by time and so many at random.
        limits: what must be kept.
        seed: same seed, same result.
        progress: told how far it is.
        effort: how much is done.

    Raises:
        SynthesisError: the synthetic rows are none, lack a column or hold text in place of numbers; no such time column.
    """
    if not len(synthetic):
        raise SynthesisError("there are no synthetic rows; needed: at least one")
    frauds = plain(table.rows[table.fraud].reset_index(drop=True), table.rows)
    made = plain(synthetic.reset_index(drop=True), table.rows)
    learned, held_out = _sides(frauds, trained, seed)
    unseen = None if trained is None else held_out
    progress("comparing distributions", 0, 3)
    alike = fidelity(learned, held_out, made, seed=seed, trees=effort.trees, draws=effort.draws)
    progress("comparing distributions", 1, 3)
    known = frauds if unseen is None else learned
    near = privacy(known, unseen, made, seed=seed)
    progress("comparing distributions", 2, 3)
    attacked = attacks(known, unseen, made, seed=seed, progress=progress, most=effort.attacks)
    progress("comparing distributions", 3, 3)
    quality: dict[str, Any] = {
        "rows": {
            "real_fraud": len(frauds),
            "trained": len(known),
            "held_out": 0 if unseen is None else len(unseen),
            "honest": int((~table.fraud).sum()),
            "synthetic": len(made),
        },
        "fidelity": alike,
        "privacy": {**near, **attacked, "not_measured": [*near["not_measured"], *attacked["not_measured"]]},
        "utility": utility(
            table.rows,
            table.fraud,
            synthetic,
            time=time,
            generator=generator,
            trial=Trial(resplits, effort.rounds, effort.honest_rows),
            seed=seed,
            progress=progress,
        ),
    }
    rounded: dict[str, Any] = as_json(quality)
    return {**rounded, "verdict": as_json(judge(rounded, limits).as_json())}


def _sides(frauds: pd.DataFrame, trained: NDArray[np.bool_] | None, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learned and held-out rows; where nobody knows, two halves at random: what real rows differ by is the floor."""
    if trained is None:
        trained = np.zeros(len(frauds), dtype=bool)
        trained[np.random.default_rng(seed).permutation(len(frauds))[: (len(frauds) + 1) // 2]] = True
    if len(trained) != len(frauds):
        raise SynthesisError(
            f"{len(trained)} marks of what was learned for {len(frauds)} real frauds; needed: one each"
        )
    return frauds[trained].reset_index(drop=True), frauds[~trained].reset_index(drop=True)


def as_json(value: Any) -> Any:
    """Numbers rounded, none that JSON lacks (not a number, infinity: None), keys and lists as JSON has them.

    >>> as_json({"auc": float("nan"), "share": 1 / 3, "rows": (1, 2)})
    {'auc': None, 'share': 0.333333, 'rows': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS) if math.isfinite(value) else None
    return value
