"""A model over time: trained on what was known at a day, judged on the period that follows, and so on.

Two arms see the same periods. The retrained one is fitted anew at the begin of each, the static one at the begin of the first and
never again: what lies between them is how the model ages. At a moment t a row's label is known if it happened before t less the
label delay; younger rows are not learnt from, and cards are known to be compromised by such labels alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInput, read_model_input
from fraud.vector import model_vector
from sagemaker_src.training.fitting import Progress, TrainingSettings, fit, score
from sagemaker_src.training.metrics import Scores, ranking_metrics
from sagemaker_src.training.operating import calibration, card_precision
from sagemaker_src.training.resampling import RESAMPLES, Ranking, drawn, interval
from sagemaker_src.training.train import TrainingDataError, in_order, need_both, taken

ARMS = ("retrained", "static")
_STATIC = "static"


class Period(NamedTuple):
    """A period that is judged, milliseconds since 1970 in UTC: rows from `from_ms` on and before `to_ms`.

    Attributes:
        known_ms: rows before it have a label that was known at the begin.
    """

    from_ms: int
    to_ms: int
    known_ms: int


class Fitted(NamedTuple):
    """A model and what it takes."""

    model: xgb.Booster
    takes: ModelInput


def periods(event_ms: NDArray[np.int64], from_ms: int, every_days: int, label_delay_days: float) -> list[Period]:
    """The periods from a moment to the last row, of so many days each; the last ends with its day of rows, if that is earlier.

    >>> periods(np.array([0, 9 * MS_PER_DAY]), 2 * MS_PER_DAY, 7, 1)[1]
    Period(from_ms=777600000, to_ms=864000000, known_ms=691200000)
    """
    end = (int(event_ms.max()) // MS_PER_DAY + 1) * MS_PER_DAY
    step, delay = every_days * MS_PER_DAY, int(label_delay_days * MS_PER_DAY)
    return [Period(begin, min(begin + step, end), begin - delay) for begin in range(from_ms, end, step)]


def fitted(rows: pd.DataFrame, known_ms: int, settings: TrainingSettings, what: str, progress: Progress) -> Fitted:
    """The model of all rows before a moment.

    Raises:
        TrainingDataError: they lack fraud or honest rows.
    """
    learnt = rows[(rows["event_ms"] < known_ms).to_numpy()]
    label = learnt["is_fraud"].to_numpy()
    need_both(label, f"{what}: known")
    takes, vectors = taken(learnt, np.ones(len(learnt), dtype=bool))
    return Fitted(fit(vectors, label, takes, settings, what, progress), takes)


def scored(by: Fitted, rows: pd.DataFrame) -> Scores:
    """The scores of n rows."""
    return score(by.model, model_vector(rows, by.takes))


def judged(rows: pd.DataFrame, known: pd.Series, scores: dict[str, Scores]) -> dict[str, Any]:
    """The figures of both arms on the same rows.

    Args:
        rows: n rows.
        known: cards that were known to be compromised beforehand.
        scores: {arm: n scores}, of ARMS.

    Returns:
        Ready for JSON: `rows`, `frauds`; by arm `average_precision` and `recall_at_fpr_0.001` as {value, low, high},
        `roc_auc`, `recall_at_fpr_0.01`, `card_precision`, `card_precision_best`, `brier` and `calibration_error`; and
        `difference`, retrained less static, of the first two. None where there is nothing to compute it from.
    """
    label = rows["is_fraud"].to_numpy()
    card, cards = pd.factorize(rows["cc_num"])
    none = np.empty((0, len(rows)), dtype=np.intp)
    found = drawn([Ranking(label, scores[arm], card, none) for arm in ARMS], len(cards))
    told: dict[str, Any] = {"rows": len(rows), "frauds": int(label.sum())}
    for place, arm in enumerate(ARMS):
        ranked = ranking_metrics(label, scores[arm], np.zeros(len(rows), dtype=bool))
        by_card, said = card_precision(rows, scores[arm], known), calibration(label, scores[arm])
        told[arm] = {
            **_sure(found[place]),
            "roc_auc": ranked["roc_auc"],
            "recall_at_fpr_0.01": ranked["recall_at_fpr_0.01"],
            "card_precision": by_card["value"],
            "card_precision_best": by_card["best"],
            "brier": said["brier"],
            "calibration_error": said["error"],
        }
    return told | {"difference": _sure(found[0] - found[1])}


def _sure(figures: NDArray[np.float64]) -> dict[str, Any]:
    names = ("average_precision", "recall_at_fpr_0.001")
    return {name: interval(figures[:, place])._asdict() for place, name in enumerate(names)}


def prequential(
    rows: pd.DataFrame, settings: TrainingSettings, of: list[Period], folder: Path, progress: Progress
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Both arms over all periods; what an earlier run left in `folder` is not computed again.

    Args:
        rows: `feature_rows.ROW_COLUMNS`.
        settings: how to train; `label_delay_days` is what `of` was made with.
        of: the periods, in order.
        folder: for the scores and figures of each period that is done.
        progress: told of rounds and of periods.

    Returns:
        Ready for JSON: `arms`, `resampled`, `periods`, each what `judged` says with `from_ms`, `to_ms` and `known_until_ms`, and
        `together`, what it says of all periods as one; a period without rows is left out. And the scores of all judged rows:
        `transaction_id`, `event_ms`, `is_fraud`, `period`, `retrained`, `static`.

    Raises:
        TrainingDataError: no label of both kinds is known when the first period begins, or no row comes after that.
    """
    rows = in_order(rows)
    event_ms = rows["event_ms"].to_numpy()
    static: Fitted | None = None
    told, scores = [], []
    says = "periods"
    for number, period in enumerate(of):
        progress(says, number, len(of))
        tested = rows[(event_ms >= period.from_ms) & (event_ms < period.to_ms)]
        if tested.empty:
            continue
        done, kept = folder / f"period-{number:04d}.json", folder / f"period-{number:04d}.parquet"
        if not done.exists():
            static = static or _static(rows, of[0], settings, folder, progress)
            # the first period's models are one
            new = static if number == 0 else fitted(rows, period.known_ms, settings, f"period {number + 1}", progress)
            by_arm = {"retrained": scored(new, tested), "static": scored(static, tested)}
            pd.DataFrame(by_arm).to_parquet(kept)
            figures = {
                "from_ms": period.from_ms,
                "to_ms": period.to_ms,
                "known_until_ms": period.known_ms,
                **judged(tested, _known(rows, period), by_arm),
            }
            _write(done, json.dumps(figures))
        told.append(json.loads(done.read_text(encoding="utf-8")))
        named = tested[["transaction_id", "event_ms", "is_fraud", "cc_num"]].reset_index(drop=True)
        scores.append(named.assign(period=number).join(pd.read_parquet(kept)))
    if not told:
        raise TrainingDataError("no rows come after the begin of the first period")
    progress(says, len(of), len(of))
    every = pd.concat(scores, ignore_index=True)
    together = judged(every, _known(rows, of[0]), {arm: every[arm].to_numpy() for arm in ARMS})
    return {
        "arms": list(ARMS),
        "resampled": {"by": "card", "times": RESAMPLES},
        "periods": told,
        "together": together,
    }, every.drop(columns="cc_num")


def _known(rows: pd.DataFrame, period: Period) -> pd.Series:
    """The cards of which a fraud is known when a period begins."""
    known: pd.Series = rows.loc[(rows["event_ms"] < period.known_ms) & (rows["is_fraud"] == 1), "cc_num"]
    return known


def _static(rows: pd.DataFrame, first: Period, settings: TrainingSettings, folder: Path, progress: Progress) -> Fitted:
    """The model of the first period, kept for a run that goes on."""
    said, model = folder / f"{_STATIC}.json", folder / f"{_STATIC}.ubj"
    if said.exists():
        return Fitted(
            xgb.Booster(model_file=str(model)), read_model_input(json.loads(said.read_text(encoding="utf-8")))
        )
    made = fitted(rows, first.known_ms, settings, "period 1", progress)
    made.model.save_model(model)
    _write(said, json.dumps(made.takes.manifest()))
    return made


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.rename(path)
