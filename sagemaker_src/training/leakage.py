"""Whether a feature gives the fraud away: one that the model looks at more than at all others, or that ranks rows alone.

Such a feature may be known only after the decision, or be made of the label. What the model is worth without it says how much
hangs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud.model_input import ModelInput
from sagemaker_src.training.fitting import Progress, TrainingSettings, fit, score, silent
from sagemaker_src.training.metrics import Labels, Scores

DOMINATES = 0.5
"""The share of the total gain over which a feature dominates: more than all others together."""
ALONE = {"roc_auc": 0.99, "average_precision": 0.9}
"""From which a feature alone is said to rank the test nearly perfectly: one of the two is enough."""
TRIED = 5
"""The features of the most gain are tried alone: one that ranks well alone is among them."""


class Rows(NamedTuple):
    """n rows: vectors as the model takes them, and labels."""

    vectors: NDArray[np.float32]
    label: Labels


def gain_shares(model: xgb.Booster) -> dict[str, float]:
    """{feature: its share of the total gain}, the least first."""
    # a number each, as the trees have one output
    scores = model.get_score(importance_type="total_gain")
    gains = {name: gain for name, gain in scores.items() if isinstance(gain, float)}
    total = sum(gains.values()) or 1.0
    return {name: gain / total for name, gain in sorted(gains.items(), key=lambda pair: pair[1])}


def suspects(gains: Mapping[str, float], alone: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """The features that dominate or rank nearly perfectly alone, those of the most gain first.

    >>> suspects({"hour": 0.2, "amount": 0.8}, {"hour": {"roc_auc": 0.995, "average_precision": 0.4}})
    ('amount', 'hour')
    """
    perfect = {name for name, found in alone.items() if any(found[each] >= least for each, least in ALONE.items())}
    return tuple(name for name in reversed(list(gains)) if gains[name] > DOMINATES or name in perfect)


def leakage(
    model: xgb.Booster,
    takes: ModelInput,
    train: Rows,
    test: Rows,
    settings: TrainingSettings,
    metrics: Callable[[Scores], dict[str, Any]],
    *,
    refit: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What a manifest says of leakage.

    Args:
        model, takes: fitted on `train`, which has both labels.
        test: rows that the model has not seen, of both labels.
        metrics: of the test rows' scores, as the manifest has them.
        refit: whether to fit the model again without the suspects, where there are any.
        progress: called after each round of that.

    Returns:
        `alone`: {feature: {roc_auc, average_precision} of the test, by trees that see nothing else}, of the few of the most gain;
        `without`: None, or {features, test: the metrics without these}.
    """
    gains = gain_shares(model)
    alone = {name: _alone(takes, takes.names.index(name), train, test, settings) for name in list(gains)[-TRIED:]}
    found = suspects(gains, alone)
    return {
        "alone": alone,
        "without": _without(found, takes, train, test, settings, metrics, progress) if refit and found else None,
    }


def _alone(takes: ModelInput, place: int, train: Rows, test: Rows, settings: TrainingSettings) -> dict[str, float]:
    small = replace(settings, rounds=10, max_depth=3, eta=0.5, honest_rows=20_000)
    one = _some(takes, (takes.names[place],))
    fitted = fit(train.vectors[:, [place]], train.label, one, small, "", silent)
    scored = score(fitted, test.vectors[:, [place]])
    return {
        "roc_auc": float(roc_auc_score(test.label, scored)),
        "average_precision": float(average_precision_score(test.label, scored)),
    }


def _without(
    features: tuple[str, ...],
    takes: ModelInput,
    train: Rows,
    test: Rows,
    settings: TrainingSettings,
    metrics: Callable[[Scores], dict[str, Any]],
    progress: Progress,
) -> dict[str, Any] | None:
    kept = [place for place, name in enumerate(takes.names) if name not in features]
    if not kept:
        return None
    others = _some(takes, tuple(takes.names[place] for place in kept))
    what = f"fitting without {', '.join(features)}"
    model = fit(train.vectors[:, kept], train.label, others, settings, what, progress)
    return {"features": list(features), "test": metrics(score(model, test.vectors[:, kept]))}


def _some(takes: ModelInput, names: tuple[str, ...]) -> ModelInput:
    return ModelInput(names, {name: values for name, values in takes.categories.items() if name in names})
