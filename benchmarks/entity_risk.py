"""What the risk by merchant and by category is worth beside the product's features, fitted on all rows.

python -m benchmarks.entity_risk
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import SPARKOV, needs
from benchmarks.evaluate import TEST_FROM
from benchmarks.feature_worth import MEASURES, steps
from cli.times import parse_moment
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.risks import Risk
from fraud.model_input import ModelInput
from fraud.vector import model_vector
from reading.transactions import AS_USUAL, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import TrainingSettings, fit, score
from sagemaker_src.training.metrics import evaluate_rows

SETTINGS = TrainingSettings(rounds=1_000, eta=0.04, subsample=0.8, colsample_bytree=0.5, honest_rows=10**9)
"""As far as today's features go on these data."""
TARGETS = {"average_precision": 0.989, "recall_at_fpr_0.001": 0.982, "first_fraud_recall_at_fpr_0.001": 0.945}
BACK = ("1d", "7d", "30d")
WITH_RISK: Catalogue = replace(CATALOGUE, risks=tuple(Risk(key=key, back=BACK) for key in ("merchant", "category")))
"""Labels are known seven days after their transactions, as nothing says when."""


def rows_of(path: Path) -> pd.DataFrame:
    """The file's transactions in the order of time, with the product's features and the risk by merchant and category."""
    with engine("1500MB") as connection:
        read_transactions(connection, path, "tx", secrets.token_bytes(32), AS_USUAL)
        load(connection, "tx", key="row", catalogue=WITH_RISK)
        compute(connection, catalogue=WITH_RISK)
        rows = features_frame(connection, "tx", key="row", catalogue=WITH_RISK)
    return rows.sort_values(["event_ms", "transaction_id"], ignore_index=True)


def worth(rows: pd.DataFrame, test_from_ms: int) -> Iterator[dict[str, Any]]:
    """MEASURES of a model without risk and of one with each, fitted on all rows before a moment and tested after it.

    Args:
        rows: of `rows_of`.
        test_from_ms: the moment, milliseconds since 1970 in UTC.
    """
    before = (rows["event_ms"] < test_from_ms).to_numpy()
    label = rows["is_fraud"].to_numpy()
    categories = {"category": tuple(sorted(rows.loc[before, "category"].unique()))}
    taken = steps()[-2][1]
    by_merchant, by_category = (names(risk.features) for risk in WITH_RISK.risks)
    added = {
        "the set in use": (),
        "+ risk by merchant and by category": (*by_merchant, *by_category),
        "+ risk by merchant": by_merchant,
        "+ risk by category": by_category,
    }
    own = model_vector(rows, ModelInput(taken, categories))
    for says, risk in added.items():
        vectors = np.column_stack([own, rows[list(risk)].to_numpy(dtype=np.float32)])
        takes = ModelInput((*taken, *risk), categories)
        model = fit(vectors[before], label[before], takes, SETTINGS, says, lambda *_: None)
        metrics = evaluate_rows(rows[~before], score(model, vectors[~before]), rows)
        yield {"features": says, "count": vectors.shape[1], **{name: round(metrics[name], 4) for name in MEASURES}}


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    missing = needs(SPARKOV)
    if missing:
        return missing
    found = []
    for row in worth(rows_of(SPARKOV), parse_moment("--test-from", TEST_FROM)):
        print(json.dumps(row), file=sys.stderr, flush=True)
        found += [
            {"measure": f"{name}, {row['features']}", "value": row[name], "unit": "", "target": target,
             "met": row[name] >= target}
            for name, target in TARGETS.items()
        ]  # fmt: skip
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
