"""What is kept of a model's run, wherever it is: names and figures as MLflow takes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

EXPERIMENT = "card-fraud"
"""All runs are of one experiment, so that they can be compared with each other."""


def flat(told: Any, before: str = "") -> dict[str, float]:
    """Every number of an evaluation by its name, those of a part behind the part's; what could not be computed is left out.

    >>> flat({"average_precision": 0.5, "without_fraud_only_cards": {"roc_auc": 1, "rows": None}, "segments": [1]})
    {'average_precision': 0.5, 'without_fraud_only_cards.roc_auc': 1.0}
    """
    if isinstance(told, Mapping):
        return {name: value for key, part in told.items() for name, value in flat(part, _joined(before, key)).items()}
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        return {}
    return {before: float(told)}


def figures_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Of a trained model's manifest the figures beside those of its test, for `flat`."""
    data = manifest["data"]
    return {
        "validation": manifest["metrics"].get("validation", {}),
        "threshold": manifest["thresholds"],
        "outcomes": manifest["outcomes"],
        "data": {name: data[name] for name in ("rows", "frauds")},
    }


def _joined(before: str, key: object) -> str:
    """A name as MLflow takes it (`mlflow.utils.validation`): word characters, dots, dashes, blanks and colons, 250 at most.

    >>> _joined("by_category", "food/dining?")
    'by_category.food_dining_'
    """
    name = re.sub(r"[^\w.\- :]", "_", str(key))
    return (f"{before}.{name}" if before else name)[:250]
