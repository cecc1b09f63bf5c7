"""The rows that parameters and families are judged by: all of them before the test, the later ones never fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInput
from sagemaker_src.training.fitting import Progress, TrainingSettings, fit, silent
from sagemaker_src.training.leakage import Rows
from sagemaker_src.training.split import split
from sagemaker_src.training.train import in_order, need_both, taken

STEPS = 10
"""How often a trial says how good it is: after each tenth of its trees, so that trials of many and of few can be compared."""

Watch = Callable[[int, float], None]
"""Told (tenths done, average precision so far); may raise to end the trial."""


class Parts(NamedTuple):
    """The rows before a test, in time order: those to fit on, then a label delay, then those to judge by.

    Attributes:
        takes: the features and categories that the fitted rows hold.
        fitted, judged: vectors and labels.
        said: the parts in moments (milliseconds since 1970 in UTC) and rows.
    """

    takes: ModelInput
    fitted: Rows
    judged: Rows
    said: dict[str, int]


def parts_before(rows: pd.DataFrame, settings: TrainingSettings, test_from_ms: int) -> Parts:
    """The parts that parameters are chosen on; no row of the test is looked at, nor one whose label would not be known by then.

    Args:
        rows: `feature_rows.ROW_COLUMNS`, one row a transaction.
        settings: whose label delay and validation share part them.
        test_from_ms: when the test begins, milliseconds since 1970 in UTC.

    Raises:
        TrainingDataError: a part has no fraud or no honest row.
    """
    rows = in_order(rows[rows["event_ms"] < test_from_ms])
    event_ms, label = rows["event_ms"].to_numpy(), rows["is_fraud"].to_numpy()
    if not len(rows):
        need_both(label, "fitting")
    delay = int(settings.label_delay_days * MS_PER_DAY)
    parted = split(int(event_ms[0]), test_from_ms, delay, settings.validation_share)
    fitted = event_ms < parted.fitted_until
    judged = (event_ms >= parted.validation_from) & (event_ms < parted.labelled_until)
    for part, which in ((fitted, "fitting"), (judged, "validation")):
        need_both(label[part], which)
    takes, vectors = taken(rows, fitted)
    said = {**parted._asdict(), "fitted_rows": int(fitted.sum()), "judged_rows": int(judged.sum())}
    return Parts(takes, Rows(vectors[fitted], label[fitted]), Rows(vectors[judged], label[judged]), said)


def average_precision(parts: Parts, score: NDArray[np.floating[Any]]) -> float:
    """How well scores of the judged rows rank them."""
    return float(average_precision_score(parts.judged.label, score))


class _Watched(xgb.callback.TrainingCallback):
    """Tells after each tenth of the trees how good they are; only the trees since the last time are asked."""

    def __init__(self, parts: Parts, rounds: int, watch: Watch) -> None:
        self._parts, self._watch = parts, watch
        self._at = {max(1, round(rounds * step / STEPS)): step for step in range(1, STEPS + 1)}
        self._margin = np.zeros(len(parts.judged.label), dtype=np.float64)
        self._asked = 0
        self.value = 0.0

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        done = epoch + 1
        if done in self._at:
            # log-odds of trees add up, and the base score of 0.5 adds nothing
            self._margin += model.inplace_predict(
                self._parts.judged.vectors,
                iteration_range=(self._asked, done),
                predict_type="margin",
                validate_features=False,
            )
            self._asked = done
            self.value = average_precision(self._parts, self._margin)
            self._watch(self._at[done], self.value)
        return False


def judged(
    parts: Parts,
    parameters: Mapping[str, int | float],
    settings: TrainingSettings,
    watch: Watch,
    progress: Progress = silent,
    threads: int | None = None,
) -> float:
    """Fits with a set of parameters; returns the average precision on the judged rows.

    Args:
        parts: of `parts_before`.
        parameters: of `fraud.search_space`.
        settings: all that is not tuned.
        watch: told STEPS times (less often where there are fewer trees); what it raises ends the fit and is raised.
        progress: told of each tree; what it raises ends the fit, too.
        threads: to fit with; None: all that this process may have.
    """
    chosen = replace(settings, **parameters)  # type: ignore[arg-type] # each name has the type that the space gives it
    watched = _Watched(parts, chosen.rounds, watch)
    fit(*parts.fitted, parts.takes, chosen, "", progress, threads=threads, watched_by=[watched])
    return watched.value


def defaults(settings: TrainingSettings, names: tuple[str, ...]) -> dict[str, int | float]:
    """What training does when nobody chose."""
    return {name: value for name, value in asdict(settings).items() if name in names}
