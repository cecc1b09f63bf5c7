"""The Fraud Detection Handbook's simulated transactions: the product's features beside the handbook's own.

python -m benchmarks.handbook

Trained on a week, tested on the week after the next, when the training's labels are known; the handbook's split and measures
(`benchmarks.handbook_yardstick`). The data are to evaluate with only: they are no part of the project.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.data import HANDBOOK, needs
from benchmarks.handbook_yardstick import DELAY_DAYS, card_precision, rows_tested, yardstick_sql
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.habits import Habit
from fraud.features.risks import Risk
from fraud.features.windows import Window
from fraud.fields import OPTIONAL_FEATURES
from fraud.model_input import ModelInput
from fraud.vector import MODEL_FEATURES, model_vector
from reading.transactions import checked_reading, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, features_select, load
from sagemaker_src.training.fitting import TrainingSettings, fit, score

TRAIN_DAY = pd.Timestamp("2018-07-11").value // 1_000_000 // MS_PER_DAY
DAYS = 7
"""Of training and of test, each."""
TOP = 100
"""Cards that are looked at each day."""

BY_TERMINAL = Catalogue(
    windows=(
        *CATALOGUE.windows,
        Window(key=("terminal_id",), back="1h", aggregates=("count", "mean")),
        Window(key=("terminal_id",), back="1d", aggregates=("count", "mean", "max")),
    ),
    habits=(
        *CATALOGUE.habits,
        Habit(key=("terminal_id",), back="1w", aggregates=("count", "mean")),
        Habit(key=("terminal_id",), back="30d", aggregates=("count", "mean", "max")),
    ),
    risks=(Risk(key="terminal_id", back=("1d", "7d", "30d"), label_delay_days=DELAY_DAYS),),
)
"""The product's, and windows, habits and risk by the terminal, of which it has none."""
_RISK = tuple(feature.name for feature in BY_TERMINAL.risk_features)
_OF_TERMINAL = tuple(
    feature.name
    for feature in (*BY_TERMINAL.stream_features, *BY_TERMINAL.nightly_features)
    if feature not in (*CATALOGUE.stream_features, *CATALOGUE.nightly_features)
)
_OF_PRODUCT = tuple(
    name for name in MODEL_FEATURES if name not in {field.name for field in OPTIONAL_FEATURES} | {"category"}
)
"""Without what these data do not have."""


def rows_of(path: Path) -> pd.DataFrame:
    """The file's transactions with all features: the product's, those by the terminal, the handbook's, and `day` since 1970."""
    with engine("2GB") as connection:
        reading = checked_reading(None, "UTC", "handbook")
        read_transactions(connection, path, "tx", secrets.token_bytes(32), reading)
        load(connection, "tx", key="row", catalogue=BY_TERMINAL)
        compute(connection, catalogue=BY_TERMINAL)
        features = features_select("tx", ("is_fraud", "terminal_id", "row"), "row", BY_TERMINAL)
        connection.execute(f"CREATE TABLE own AS {features}")
        connection.execute(f"CREATE TABLE theirs AS {yardstick_sql('own')}")
        rows: pd.DataFrame = connection.execute("SELECT * FROM own JOIN theirs USING (row) ORDER BY row").df()
    return rows.assign(day=rows["event_ms"] // MS_PER_DAY)


def sets_of(rows: pd.DataFrame) -> dict[str, NDArray[np.float32]]:
    """{what a set of features is called: its vectors}."""
    own = model_vector(rows, ModelInput(_OF_PRODUCT, {}))
    theirs = [name for name in rows.columns if name.isupper()]
    by_terminal, risk = list(_OF_TERMINAL), [name for name in theirs if name.startswith("TERMINAL_ID")]

    def with_columns(columns: list[str]) -> NDArray[np.float32]:
        return np.column_stack([own, rows[columns].to_numpy(dtype=np.float32)])

    return {
        "the product's, by the card": own,
        "and windows and habits by the terminal": with_columns(by_terminal),
        "the product's by the card, and its risk by the terminal": with_columns(list(_RISK)),
        "and windows and habits by the terminal and its risk": with_columns([*by_terminal, *_RISK]),
        "the handbook's own": rows[theirs].to_numpy(dtype=np.float32),
        "the product's by the card, and the handbook's by the terminal": with_columns(risk),
    }


def _plain(vectors: NDArray[np.float32], label: NDArray[np.int64]) -> xgb.Booster:
    """XGBoost as it comes: 100 trees of depth 6, eta 0.3."""
    return xgb.train({"objective": "binary:logistic"}, xgb.QuantileDMatrix(vectors, label=label), 100)


def _trained(vectors: NDArray[np.float32], label: NDArray[np.int64]) -> xgb.Booster:
    """As the product trains."""
    takes = ModelInput(tuple(f"f{place}" for place in range(vectors.shape[1])), {})
    return fit(vectors, label, takes, TrainingSettings(), "", lambda *_: None)


LEARNERS = {"plain XGBoost": _plain, "the product's training": _trained}


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    return needs(HANDBOOK) or measured(rows_of(HANDBOOK))


def measured(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The figures of `rows_of` a file."""
    trained = rows["day"].between(TRAIN_DAY, TRAIN_DAY + DAYS - 1).to_numpy()
    tested = rows_tested(rows, TRAIN_DAY, DAYS, DAYS)
    label = rows["is_fraud"].to_numpy()
    found: list[dict[str, Any]] = []

    def add(says: str, value: float) -> None:
        found.append({"measure": says, "value": round(float(value), 3), "unit": "", "target": None, "met": None})

    for says, vectors in sets_of(rows).items():
        for learner, train in LEARNERS.items():
            scores = score(train(vectors[trained], label[trained]), vectors[tested])
            how = f"{vectors.shape[1]} features: {says}; {learner}"
            add(f"average precision, {how}", average_precision_score(label[tested], scores))
            add(f"card precision at {TOP}, {how}", card_precision(rows[tested], scores, TOP))
    frauds = rows[tested & (label == 1)]
    counts = f"{int(tested.sum()):,} transactions, {len(frauds)} frauds of {frauds['cc_num'].nunique()} cards"
    add(f"the most that card precision at {TOP} can be, of {counts}", card_precision(rows[tested], label[tested], TOP))
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
