"""Tuning on `sparkov_dev`: what ending hopeless trials early gains in the same processor time, and families of models side by
side. Only rows before the test (2020-03-01) are looked at, but for the last figures.

python -m benchmarks.run tuning
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from benchmarks.data import SPARKOV, needs
from benchmarks.evaluate import TEST_FROM
from benchmarks.feature_worth import rows_and_bytes
from cli.times import parse_moment
from cli.tuning.study import Study, TrialRow, best_of
from fraud.model_input import ModelInput
from fraud.search_space import SPACE
from sagemaker_src.training.fitting import TrainingSettings, fit, sampled, score, silent
from sagemaker_src.training.metrics import Labels
from sagemaker_src.training.train import in_order, taken
from sagemaker_src.tuning.families import FAMILIES, Fit, Fitted, Vectors, compare
from sagemaker_src.tuning.judging import Parts, defaults, judged, parts_before

BUDGET_S = 240
"""Of processor time, for each study."""
HONEST_ROWS = 20_000
"""That a trial is fitted on, so that a budget holds some dozens."""
COMPARED_ROWS = 100_000
"""Honest rows that each family is fitted on."""
THREADS = 2


class _SpentError(Exception):
    """The budget is spent."""


def studied(parts: Parts, settings: TrainingSettings, budget_s: float, *, pruned: bool) -> list[TrialRow]:
    """The trials that end within a budget of processor time, one after the other."""
    began = time.process_time()

    def trees(what: str, done: int, total: int) -> None:
        if time.process_time() - began > budget_s:
            raise _SpentError

    first = defaults(settings, tuple(each.name for each in SPACE))
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study.db", first, seed=settings.seed, pruned=pruned, workers=1)
        with suppress(_SpentError):
            study.run(
                lambda parameters, watch, _: judged(parts, parameters, settings, watch, trees, THREADS), 10_000, silent
            )
        return study.rows()


def on_the_test(rows: pd.DataFrame, test_from_ms: int, settings: TrainingSettings) -> float:
    """The average precision on the test of a model that is fitted on all that is labelled when it begins."""
    rows = in_order(rows)
    event_ms, label = rows["event_ms"].to_numpy(), rows["is_fraud"].to_numpy()
    before = event_ms < test_from_ms - settings.label_delay_days * 86_400_000
    takes, vectors = taken(rows, before)
    tested = event_ms >= test_from_ms
    model = fit(vectors[before], label[before], takes, settings, "", silent, threads=THREADS)
    return float(average_precision_score(label[tested], score(model, vectors[tested])))


def families() -> dict[str, Fit]:
    """Those of the product, and LightGBM where it is installed: it is no part of the product."""
    return {**FAMILIES, **({"LightGBM": _light} if find_spec("lightgbm") else {})}


def _light(vectors: Vectors, label: Labels, takes: ModelInput, settings: TrainingSettings, threads: int) -> Fitted:
    from lightgbm import Booster, Dataset, train  # type: ignore[import-not-found] # noqa: PLC0415 (often not installed)

    kept, weight = sampled(label, settings)
    coded = [place for place, name in enumerate(takes.names) if name in takes.categories]
    given = {"objective": "binary", "learning_rate": settings.eta, "num_leaves": 2**settings.max_depth - 1,
             "max_depth": settings.max_depth, "num_threads": threads, "seed": settings.seed, "verbose": -1}  # fmt: skip
    data = Dataset(vectors[kept].astype(np.float64), label[kept], weight=weight, categorical_feature=coded)
    model: Booster = train(given, data, settings.rounds)
    return Fitted(lambda asked: np.asarray(model.predict(asked)), len(model.model_to_string()))


def measure(rows: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them.

    Args:
        rows: the file's rows with their features; None: they are computed.
    """
    if missing := needs(SPARKOV):
        return missing
    test_from_ms = parse_moment("--test-from", TEST_FROM)
    if rows is None:
        rows, _ = rows_and_bytes(SPARKOV, test_from_ms)
    few = TrainingSettings(honest_rows=HONEST_ROWS)
    parts = parts_before(rows, few, test_from_ms)
    found = []
    for pruned in (True, False):
        trials = studied(parts, few, BUDGET_S, pruned=pruned)
        best, early = best_of(trials), sum(row.ended_early for row in trials)
        how = "hopeless trials ended early" if pruned else "none ended early"
        said = f"{len(trials)} trials, {early} of them early; number {best.number}: {best.parameters}"
        found += [_row(f"tuning for {BUDGET_S} s of processor time, {how}: trials ended", len(trials), said),
                  _row("the best one's average precision on the judged rows; training's defaults beside it",
                       round(best.value, 4), f"{trials[0].value:.4f}")]  # fmt: skip
        if pruned:
            chosen = replace(TrainingSettings(), **best.parameters)  # type: ignore[arg-type]
    for each in compare(parts, TrainingSettings(honest_rows=COMPARED_ROWS), THREADS, families()):
        told = (
            f"recall at .1% {each.recall:.4f}; fit {each.fit_s:.1f} s, score {each.score_us:.1f} us a row, "
            f"{each.size / 1e6:.2f} MB"
        )
        found.append(
            _row(f"{each.family}: average precision on the judged rows", round(each.average_precision, 4), told)
        )
    usual, tuned = (on_the_test(rows, test_from_ms, settings) for settings in (TrainingSettings(), chosen))
    found.append(
        _row("tested from 2020-03-01 with the parameters that were found", round(tuned, 4), f"{usual:.4f} by default")
    )
    return found


def _row(measure: str, value: float, beside: str) -> dict[str, Any]:
    return {"measure": measure, "value": value, "unit": "", "target": None, "met": None, "yardstick": beside}
