"""Utility: whether a model that is trained with synthetic frauds finds more of the real later ones.

In each resplit, whatever makes frauds (the generator, SMOTE, repeating) learns from that resplit's training frauds alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Generator, Progress, new_generator
from sagemaker_src.synthesis.quality.judge import Judge
from sagemaker_src.synthesis.quality.resplits import Resplit, at_random, by_time, moments
from sagemaker_src.synthesis.quality.values import Matrix, fingerprints, plain

NewGenerator = Callable[[], Generator]
BASELINES = ("smote", "resampling")
LEAST_FRAUDS = 20
"""With fewer real frauds, a resplit tests on so few that its average precision says nothing."""
SPLITS = ("by_time", "random")


@dataclass(frozen=True)
class Trial:
    """What utility is measured with.

    Attributes:
        resplits: so many by time, and so many at random.
        rounds: of the judge's trees.
        honest_rows: at most so many honest rows are used, weighted for those left out.
    """

    resplits: int = 8
    rounds: int = 100
    honest_rows: int = 100_000


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
    bench = _Bench(rows, fraud, synthetic, time, generator, trial, seed)
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
        scores[split].append(bench.scores(each, seed + 1 + done))
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
    arms = [name for name in (every[0] if every else ()) if all(name in each for each in every)]
    found = {name: {split: [each[name] for each in scores[split]] for split in SPLITS} for name in arms}
    ratio = {
        split: float(np.mean([each.ratio for each in resplits[split]])) if resplits[split] else 0.0 for split in SPLITS
    }
    alone, trained = found.pop("alone", None), found.get("without")
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
            "average_precision": None if alone is None else _mean(alone),
            "real_average_precision": None if trained is None else _mean(trained),
        },
    }


def _pairs(found: Mapping[str, Any], but: str, scores: Mapping[str, list[Any]]) -> Iterator[tuple[str, str]]:
    return ((name, split) for name in found if name != but for split in SPLITS if scores[split])


def _mean(of: Mapping[str, list[float]]) -> float:
    return float(np.mean(of["random"] or of["by_time"]))


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


class _Bench:
    """The table, the judge, and the frauds that each arm adds."""

    def __init__(
        self,
        rows: pd.DataFrame,
        fraud: NDArray[np.bool_],
        synthetic: pd.DataFrame,
        time: str | None,
        generator: NewGenerator | None,
        trial: Trial,
        seed: int,
    ) -> None:
        kept, weight = _kept(fraud, trial.honest_rows, seed)
        self.time = None if time is None else _time(rows, time)[kept]
        self.rows, self.fraud, self.weight = rows.iloc[np.flatnonzero(kept)], fraud[kept], weight
        self.trial, self.seed, self.generator, self.made = trial, seed, generator, len(synthetic)
        seen = [str(name) for name in rows.columns if str(name) != time]
        self.seen = seen
        whole = plain(self.rows, rows)[seen]
        self.judge = Judge(whole, trial.rounds)
        self.matrix, self.same = self.judge.matrix(whole), fingerprints(whole)
        self.synthetic = self.judge.matrix(plain(synthetic, rows)[seen])
        self.not_measured: list[dict[str, str]] = []

    def resplits(self) -> dict[str, list[Resplit]]:
        count = self.trial.resplits
        return {
            "by_time": [] if self.time is None else by_time(self.time, self.fraud, self.same, count),
            "random": at_random(self.fraud, self.same, count, self.seed),
        }

    def scores(self, resplit: Resplit, seed: int) -> dict[str, float]:
        """{arm: average precision}, "alone" for the synthetic frauds in place of the real ones."""
        train, test = resplit.train, resplit.test
        tested = (self.matrix[test], self.fraud[test].astype(np.float64), self.weight[test])
        real, label, weight = self.matrix[train], self.fraud[train].astype(np.float64), self.weight[train]
        honest = label == 0

        def score(
            rows: Matrix, label: NDArray[np.float64], weight: NDArray[np.float64], more: Matrix | None = None
        ) -> float:
            count = 0 if more is None else len(more)
            rows = rows if more is None else np.concatenate([rows, more])
            ones = np.ones(count)
            return self.judge.average_precision(
                (rows, np.concatenate([label, ones]), np.concatenate([weight, ones])), tested
            )

        balanced = np.where(honest, weight, weight[honest].sum() / (~honest).sum())
        found = {"without": score(real, label, weight)}
        for name, more in self._added(train, seed).items():
            found[name] = score(real, label, weight, more)
            if name == "synthetic":
                found["alone"] = score(real[honest], label[honest], weight[honest], more)
        return {**found, "class weights": score(real, label, balanced)}

    def _added(self, train: NDArray[np.int64], seed: int) -> dict[str, Matrix]:
        """The frauds that each arm adds, made from the training rows' own: as many to each as were handed in."""
        known = self.rows.iloc[train[self.fraud[train]]].reset_index(drop=True)
        count = self.made
        if self.generator is None:
            added = {"synthetic": self.synthetic}
        else:
            count = max(1, round(self.made * len(known) / int(self.fraud.sum())))
            added = {"synthetic": self._made_by(self.generator(), known, count, seed)}
        for kind in BASELINES:
            try:
                added[kind] = self._made_by(new_generator(kind), known, count, seed)
            except SynthesisError as error:
                missing = {"what": kind, "why": str(error)}
                self.not_measured += [] if missing in self.not_measured else [missing]
        return added

    def _made_by(self, generator: Generator, known: pd.DataFrame, count: int, seed: int) -> Matrix:
        generator.fit(known, seed=seed, progress=_silent)
        return self.judge.matrix(plain(generator.sample(count, seed), self.rows)[self.seen])


def _silent(what: str, done: int, total: int) -> None:
    """A resplit is one step of the whole."""


def _time(rows: pd.DataFrame, time: str) -> NDArray[np.float64]:
    if time not in rows.columns:
        raise SynthesisError(f"no column {time}; there are: {', '.join(map(str, rows.columns))}")
    return moments(rows[time])


def _kept(fraud: NDArray[np.bool_], honest_rows: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which rows are used, and the weight of each that is."""
    share = min(1.0, honest_rows / max(int((~fraud).sum()), 1))
    kept = fraud | (np.random.default_rng(seed).random(len(fraud)) < share)
    return kept, np.where(fraud[kept], 1.0, 1.0 / share)
