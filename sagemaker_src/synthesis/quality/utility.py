"""Utility: whether a model that is trained with synthetic frauds finds more of the real later ones.

In each resplit, whatever makes frauds (the generator, SMOTE, repeating) learns from that resplit's training frauds alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.quality.bench import Bench, NewGenerator, Trial
from sagemaker_src.synthesis.quality.resplits import Resplit

LEAST_FRAUDS = 20
"""With fewer real frauds, a resplit tests on so few that its average precision says nothing."""
SPLITS = ("by_time", "random")


def utility(
    rows: pd.DataFrame,
    fraud: NDArray[np.bool_],
    synthetic: pd.DataFrame,
    *,
    time: str | None,
    generator: NewGenerator | None,
    trial: Trial,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """`utility` of `quality.json`.

    Args:
        rows: the real table without its label, n rows of any types.
        fraud: which of them are.
        synthetic: frauds that were made from all of them: used where there is no generator, and for their number.
        time: the column that says when, if any: resplits by time need it, and the judge does not see it.
        generator: makes a generator that has learned nothing, to learn each resplit's training frauds.
        trial: how much is done.
        seed: of everything that is drawn.
        progress: told after each resplit.
    """
    bench = Bench(rows, fraud, synthetic, time, generator, trial, seed)
    empty: dict[str, Any] = {
        "judge": str(bench.judge),
        "arms": [],
        "gains": [],
        "over_baselines": [],
        "synthetic_for_real": {"average_precision": None, "real_average_precision": None},
        "seen_test_rows": generator is None,
        "not_measured": [],
    }
    if fraud.sum() < LEAST_FRAUDS:
        why = f"the table has {int(fraud.sum())} frauds, {LEAST_FRAUDS} are needed"
        return {**empty, "not_measured": [{"what": "utility", "why": why}]}
    resplits = bench.resplits()
    scores: dict[str, list[dict[str, float]]] = {split: [] for split in SPLITS}
    every = [(split, each) for split in SPLITS for each in resplits[split]]
    for done, (split, each) in enumerate(every):
        scores[split].append(bench.scores(each, seed + 1 + done, alone=split == "random"))
        progress("training with and without the synthetic rows", done + 1, len(every))
    missing = [
        {"what": f"utility {split}", "why": _why(split, time)} for split in SPLITS if not scores[split]
    ]  # fmt: skip
    return {**empty, **summary(scores, resplits), "not_measured": missing + bench.not_measured}


def _why(split: str, time: str | None) -> str:
    if split == "by_time" and time is None:
        return "no time column was named"
    return "no resplit has two frauds and an honest row to train on and to test on"


def summary(scores: Mapping[str, list[dict[str, float]]], resplits: Mapping[str, list[Resplit]]) -> dict[str, Any]:
    """Arms, gains and what the synthetic rows alone are worth, from each resplit's average precision."""
    every = [each for split in SPLITS for each in scores[split]]
    alone = [each["alone"] for each in every if "alone" in each]
    trained = [each["without"] for each in every if "alone" in each]
    arms = [name for name in (every[0] if every else ()) if name != "alone" and all(name in each for each in every)]
    found = {name: {split: [each[name] for each in scores[split]] for split in SPLITS} for name in arms}
    ratio = {
        split: float(np.mean([each.ratio for each in resplits[split]])) if resplits[split] else 0.0 for split in SPLITS
    }
    return {
        "arms": [{"name": name, **found[name]} for name in found],
        "gains": [
            {"arm": name, "split": split, **gain(found["without"][split], found[name][split], ratio[split])}
            for name, split in _pairs(found, "without", scores)
        ],
        "over_baselines": [
            {"baseline": name, "split": split, **gain(found[name][split], found["synthetic"][split], ratio[split])}
            for name, split in _pairs(found, "synthetic", scores)
            if name != "without"
        ],
        "synthetic_for_real": {
            "average_precision": _mean(alone),
            "real_average_precision": _mean(trained),
        },
    }


def _pairs(found: Mapping[str, Any], but: str, scores: Mapping[str, list[Any]]) -> Iterator[tuple[str, str]]:
    return ((name, split) for name in found if name != but for split in SPLITS if scores[split])


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def gain(without: list[float], with_it: list[float], ratio: float) -> dict[str, float | None]:
    """The mean of paired differences with its 95% interval; None for the interval of a single pair.

    Resplits share rows, so that their differences are not independent, and the usual interval is too narrow. This is the
    corrected resampled t interval of Nadeau and Bengio (2003), "Inference for the Generalization Error", Machine Learning 52:
    the variance of the mean of J differences is taken as (1/J + tested rows / trained rows) times theirs.

    Args:
        without: J scores.
        with_it: J scores of the same resplits.
        ratio: rows tested on to rows trained on.

    >>> gain([0.5, 0.6], [0.6, 0.7], 0.25)["mean"]
    0.1
    """
    differences = np.asarray(with_it) - np.asarray(without)
    mean, count = round(float(differences.mean()), 12), len(differences)
    if count < 2:
        return {"mean": mean, "low": None, "high": None}
    error = float(np.sqrt((1 / count + ratio) * differences.var(ddof=1)))
    reach = float(t.ppf(0.975, count - 1)) * error
    return {"mean": mean, "low": mean - reach, "high": mean + reach}
