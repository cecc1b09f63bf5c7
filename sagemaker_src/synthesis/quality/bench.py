"""What utility is measured on: the table, the judge, and the frauds that each arm adds to a resplit's training rows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Generator, new_generator
from sagemaker_src.synthesis.quality.judge import Judge, Sample
from sagemaker_src.synthesis.quality.resplits import Resplit, at_random, by_time, moments
from sagemaker_src.synthesis.quality.values import Matrix, fingerprints, plain

NewGenerator = Callable[[], Generator]
"""Makes a generator that has learned nothing yet."""
BASELINES = ("smote", "resampling")
AT_ONCE = 2
"""So many fits at once, each on a thread."""


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


class Bench:
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

    def scores(self, resplit: Resplit, seed: int, *, alone: bool) -> dict[str, float]:
        """{arm: average precision} of one resplit; with `alone` also of the synthetic frauds in place of the real ones."""
        train, test = resplit.train, resplit.test
        real = Sample(self.matrix[train], self.fraud[train].astype(np.float64), self.weight[train])
        tested = Sample(self.matrix[test], self.fraud[test].astype(np.float64), self.weight[test])
        added = self._added(train, seed)
        arms = {"without": real, **{name: real.with_frauds(more) for name, more in added.items()}}
        arms["class weights"] = real.balanced()
        if alone:
            arms["alone"] = real.honest().with_frauds(added["synthetic"])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(lambda each: self.judge.average_precision(each, tested), arms.values())
            return dict(zip(arms, found, strict=True))

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
