"""A study of Optuna: trials of parameters, several at a time, hopeless ones ended early, kept in a file so that it can go on.

With one worker the same rows, seed and number of trials give the same study, also if it was stopped in between: what the n-th
trial proposes depends on the seed, n and the trials that ended before it alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from fraud.search_space import Parameters, suggested
from sagemaker_src.training.fitting import Progress
from sagemaker_src.tuning.judging import Watch

FILE = "study.db"
"""The study, SQLite as Optuna has it; its own dashboard opens it."""

_NAME = "tuning"
_RANDOM = 8
"""So many trials are drawn; those after them are proposed by what came before."""
_WHOLE = 4
"""So many trials run to their end before one may be ended early."""
_SURE_FROM = 2
"""No trial is ended before the third tenth of its trees: what learns slowly looks bad at first."""

Judge = Callable[[Parameters, Watch, Progress], float]
"""How good parameters are; tells how good it is so far, and of each tree; either may raise."""


class TrialRow(NamedTuple):
    """A trial that ended.

    Attributes:
        number: from 1, in the order in which they were begun.
        ended_early: whether it was hopeless.
        value: average precision at the end, or where it was ended.
        seconds: that it took.
        parameters: that it tried.
        steps: {tenths of its trees: average precision then}.
    """

    number: int
    ended_early: bool
    value: float
    seconds: float
    parameters: Parameters
    steps: dict[int, float]


class _StoppedError(Exception):
    """The study is being stopped."""


class Study:
    """A study in a file. Of one process at a time, and safe for its threads.

    Args:
        path: the file; a study that is there goes on, and a trial of it that was interrupted is tried again.
        first: the parameters of the first trial.
        seed: of what is proposed.
        pruned: whether hopeless trials are ended early.
        workers: how many trials run at once.
    """

    def __init__(self, path: Path, first: Mapping[str, int | float], *, seed: int, pruned: bool, workers: int) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._first, self._seed, self._workers = dict(first), seed, workers
        pruner = optuna.pruners.MedianPruner(_WHOLE, _SURE_FROM) if pruned else optuna.pruners.NopPruner()
        self._study = optuna.create_study(
            storage=f"sqlite:///{path.resolve()}",
            study_name=_NAME,
            direction="maximize",
            pruner=pruner,
            load_if_exists=True,
        )
        for left in self._in(TrialState.RUNNING):
            self._study.tell(left.number, state=TrialState.FAIL)
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, judge: Judge, trials: int, progress: Progress) -> None:
        """Has trials judged until so many have ended, those of before among them; returns once all have.

        Ctrl-C, and an error of `judge`, end the trials that run; they are tried again by the next run.

        Args:
            judge: see `Judge`.
            trials: in all.
            progress: told of the study as a whole, and of each worker's trial.
        """

        def work(place: int) -> None:
            try:
                while self._one(judge, trials, progress, place):
                    pass
            except BaseException:
                self._stop.set()
                raise

        self._say(progress, trials)
        with ThreadPoolExecutor(self._workers) as pool:
            working = [pool.submit(work, place) for place in range(self._workers)]
            try:
                for each in working:
                    each.result()
            except BaseException:
                self._stop.set()
                raise

    def rows(self) -> list[TrialRow]:
        """The trials that ended, in the order in which they were begun."""
        ended = self._in(TrialState.COMPLETE, TrialState.PRUNED)
        return [_row(number, trial) for number, trial in enumerate(ended, start=1)]

    def _in(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states)

    def _one(self, judge: Judge, trials: int, progress: Progress, place: int) -> bool:
        """One trial more; False if there is none to do."""
        with self._lock:
            begun = len(self._in(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING))
            if self._stop.is_set() or begun >= trials:
                return False
            trial, parameters = self._asked(begun)
        which = "trial" if self._workers == 1 else f"trial of worker {place + 1}"

        def watch(step: int, value: float) -> None:
            with self._lock:
                trial.report(value, step)
                hopeless = trial.should_prune()
            if hopeless:
                raise optuna.TrialPruned

        def trees(_: str, done: int, total: int) -> None:
            if self._stop.is_set():
                raise _StoppedError
            progress(f"{which} · {begun + 1}", done, total)

        value, state = None, TrialState.FAIL
        try:
            value, state = judge(parameters, watch, trees), TrialState.COMPLETE
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except _StoppedError:
            return False
        finally:
            with self._lock:
                self._study.tell(trial, value, state=state)
        self._say(progress, trials)
        return True

    def _asked(self, begun: int) -> tuple[optuna.Trial, Parameters]:
        """A new trial and its parameters."""
        self._study.sampler = optuna.samplers.TPESampler(
            seed=(self._seed * 1_000_003 + begun) % 2**32,
            n_startup_trials=_RANDOM,
            constant_liar=self._workers > 1,
        )
        if not begun and not self._in(TrialState.WAITING):
            self._study.enqueue_trial(self._first)
        trial = self._study.ask()
        return trial, suggested(trial)

    def _say(self, progress: Progress, trials: int) -> None:
        with self._lock:
            rows = self.rows()
        whole = [row.value for row in rows if not row.ended_early]
        best = f"best {max(whole):.4f}, " if whole else ""
        progress(f"tuning · {best}{len(rows) - len(whole)} ended early", min(len(rows), trials), trials)


def best_of(rows: list[TrialRow]) -> TrialRow:
    """The best of the trials that ran to their end; of equals the first."""
    return max((row for row in rows if not row.ended_early), key=lambda row: row.value)


def _row(number: int, trial: FrozenTrial) -> TrialRow:
    steps = trial.intermediate_values
    value = trial.value if trial.value is not None else steps[max(steps)]
    took = trial.duration.total_seconds() if trial.duration else 0.0
    return TrialRow(number, trial.state == TrialState.PRUNED, float(value), took, dict(trial.params), dict(steps))
