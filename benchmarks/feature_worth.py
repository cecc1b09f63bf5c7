"""What features are worth to the model and what they take in the store: a table that grows by steps, one that leaves out a
window or a habit at a time, and the file that docs/fields-and-features.md shows them from.

python -m benchmarks.evaluate --ladder [--last 2] [--seeds 3]
python -m benchmarks.evaluate --leave-out [--keep]
"""

from __future__ import annotations

import json
import secrets
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, names
from fraud.features.derived import DERIVED_FEATURES
from fraud.features.feature import CARD
from fraud.features.groups import EVENT_TIME, HABITS, STREAM_GROUP, FeatureValues, feature_values
from fraud.features.habits import Habit
from fraud.features.nightly import CardRecord, Population
from fraud.features.nightly_records import nightly_record
from fraud.features.windows import Window
from fraud.fields import OPTIONAL_FEATURES
from fraud.model_input import ModelInput
from fraud.vector import FEATURE_NAMES, MODEL_FEATURES, model_vector
from reading.transactions import AS_USUAL, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load, nightly_snapshot
from sagemaker_src.training.fitting import TrainingSettings, fit, score
from sagemaker_src.training.metrics import evaluate_rows

KEPT = Path(__file__).with_name("features.json")
"""What was measured of each feature; `python -m tools.readme` shows it."""
COMMAND = "python -m benchmarks.evaluate --leave-out --keep"
MEASURES = ("average_precision", "recall_at_fpr_0.001", "first_fraud_recall_at_fpr_0.001")
WITHOUT_CARDS = "without_fraud_only_cards"
Sets = Sequence[tuple[str, tuple[str, ...]]]
"""What a set of features is called, and its features."""

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("amount, category, hour, weekday", ("amount", "category", "hour", "weekday")),
    ("+ stream: count and average over 10 minutes, 1 hour, 1 day",
     tuple(f"{what}_last_{window}" for window in ("10m", "1h", "1d") for what in ("num_trans", "avg_amt"))),
    ("+ ratios among them, mean of the others in the window",
     ("avg_others_last_10m", "avg_others_last_1h", "avg_others_last_1d", "amt_over_avg_last_1h", "amt_over_avg_last_1d",
      "amt_over_others_last_1d")),
    ("+ mean age of the others in the hour and the day", ("mean_age_last_1h", "mean_age_last_1d")),
    ("+ nightly per card: week, 30 days, and the published ratios",
     ("num_trans_last_1w", "avg_amt_last_1w", "num_trans_last_30d", "avg_amt_last_30d", "max_amt_last_30d",
      "amt_over_avg_last_30d", "amt_over_max_last_30d", "amt_ratio1", "amt_ratio2", "count_ratio")),
    ("+ nightly per card and category", ("num_trans_category_all", "avg_amt_category_all", "amt_over_avg_category_all",
                                         "category_share")),
    ("+ nightly hour-of-day habit", ("num_trans_hour_all", "hour_share")),
    ("+ all cards' average in the category, the card's whole history: no new model takes them",
     ("avg_amt_population_30d", "amt_over_population", "num_trans_all", "avg_amt_all")),
)  # fmt: skip
"""Each step adds to the one above it; the one before the last is what a new model takes, without fields that may be missing."""
_MAY_BE_MISSING = {field.name for field in OPTIONAL_FEATURES}
_TAKEN = tuple(name for name in MODEL_FEATURES if name not in _MAY_BE_MISSING)
_ALL = tuple(name for name in FEATURE_NAMES if name not in _MAY_BE_MISSING)


def left_out() -> Sets:
    """What a new model takes, and that without the features of one window or habit at a time and what is derived of them."""
    sets = [("all", _TAKEN)]
    every: tuple[Window | Habit, ...] = (*CATALOGUE.windows, *CATALOGUE.habits)
    for declared in every:
        gone = set(names(declared.features))
        while more := {one.name for one in DERIVED_FEATURES if gone & set(one.parsed.names)} - gone:
            gone |= more
        if gone & set(_TAKEN):
            sets.append((f"without {declared}", tuple(name for name in _TAKEN if name not in gone)))
    return sets


def steps() -> Sets:
    """The features of each of STEPS, with those of the steps before it."""
    taken: tuple[str, ...] = ()
    sets = [(says, taken := (*taken, *added)) for says, added in STEPS]
    assert [set(taken) for _, taken in sets[-2:]] == [set(_TAKEN), set(_ALL)]  # noqa: S101 - where the ladder must end
    return sets


def worth(rows: pd.DataFrame, test_from_ms: int, sets: Sets, seeds: int = 1) -> list[dict[str, Any]]:
    """How good a model of each set of features is, fitted before a moment and tested after, as training fits it.

    Args:
        rows: `feature_rows.ROW_COLUMNS`.
        test_from_ms: the moment, milliseconds since 1970 in UTC.
        sets: what to take.
        seeds: how often each is fitted, on another sample of the honest rows; the figures are the means.

    Returns:
        For each: `features` (what the set is called), `count`, MEASURES, the same under WITHOUT_CARDS, and `gain`: the share
        of the trees' total gain that each feature has.
    """
    rows = rows.sort_values(["event_ms", "transaction_id"], ignore_index=True)
    before = (rows["event_ms"] < test_from_ms).to_numpy()
    label = rows["is_fraud"].to_numpy()
    categories = {"category": tuple(sorted(rows.loc[before, "category"].unique()))}
    found = []
    for says, features in sets:
        takes = ModelInput(features, categories)
        vectors = model_vector(rows, takes)
        models = [
            fit(vectors[before], label[before], takes, TrainingSettings(seed=seed), says, lambda *_: None)
            for seed in range(1, seeds + 1)
        ]
        metrics = [evaluate_rows(rows[~before], score(model, vectors[~before]), rows) for model in models]
        of_mixed = _means([each[WITHOUT_CARDS] for each in metrics])
        found.append(
            {
                "features": says,
                "count": len(features),
                **_means(metrics),
                WITHOUT_CARDS: of_mixed,
                "gain": _gain(models),
            }
        )
        print(f"{found[-1]['average_precision']:.4f}  {says}", file=sys.stderr, flush=True)
    return found


def _means(metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: round(float(np.mean([each[name] for each in metrics])), 4) for name in MEASURES}


def _gain(models: Sequence[xgb.Booster]) -> dict[str, float]:
    total = dict.fromkeys(models[0].feature_names or (), 0.0)  # one that no split asks for has none
    for model in models:
        gains = model.get_score(importance_type="total_gain")
        for name, gain in gains.items():
            total[name] += gain if isinstance(gain, float) else sum(gain)  # a number each, as the trees have one output
    return {name: round(gain / sum(total.values()), 4) for name, gain in total.items()}


def stored_bytes(
    stream: Sequence[FeatureValues], cards: Mapping[str, CardRecord], population: Population
) -> dict[str, float]:
    """What each feature takes in the store, in bytes: its name and its value as text; what is looked up by a column, the JSON of
    all its values.

    Args:
        stream: records of the stream's group.
        cards: nightly records.
        population: what is known of all cards together.

    Returns:
        {feature: the mean of the records that have it}.

    >>> stored_bytes([[{"FeatureName": "num_trans_last_1h", "ValueAsString": "12"}]], {}, {"x": {"travel": 7.5}})
    {'num_trans_last_1h': 19.0, 'x': 14.0}
    """
    sizes: dict[str, list[int]] = defaultdict(list)
    for record in (*stream, *(nightly_record(card, record) for card, record in cards.items())):
        for value in record:
            if (name := value["FeatureName"]) not in (CARD, EVENT_TIME, HABITS):
                sizes[name].append(len(name) + len(value["ValueAsString"]))
    for habits in (population, *(record.habits for record in cards.values())):
        for name, values in habits.items():
            sizes[name].append(len(json.dumps(values, separators=(",", ":"))))
    return {name: round(float(np.mean(found)), 1) for name, found in sizes.items()}


def rows_and_bytes(path: Path, test_from_ms: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """A file's rows with their features, and `stored_bytes` on the day that the test begins."""
    with engine("2GB") as connection:
        read_transactions(connection, path, "tx", secrets.token_bytes(32), AS_USUAL)
        load(connection, "tx", key="row")
        compute(connection)
        rows = features_frame(connection, "tx", key="row")
        cards, population = nightly_snapshot(connection, test_from_ms // MS_PER_DAY * MS_PER_DAY)
    last = rows[rows["event_ms"] < test_from_ms].sort_values("event_ms").drop_duplicates("cc_num", keep="last")
    given = last[["cc_num", "event_ms", *names(CATALOGUE.stream_features)]]
    stream = [
        feature_values(
            STREAM_GROUP, {name: None if pd.isna(value) else value for name, value in row.items()}, row["event_ms"]
        )
        for row in given.to_dict("records")
    ]
    return rows, stored_bytes(stream, cards, population)


def keep(found: Sequence[Mapping[str, Any]], stored: Mapping[str, float], data: str, path: Path = KEPT) -> None:
    """Writes the file that the page on features is made from.

    Args:
        found: of `worth` for `left_out`.
        stored: of `stored_bytes`.
        data: what it was measured on.
        path: the file.
    """
    whole, *others = found
    kept = {
        "measured": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "command": COMMAND,
        "data": data,
        "average_precision": whole["average_precision"],
        "without": {row["features"].removeprefix("without "): {name: row[name] for name in MEASURES} for row in others},
        "gain": whole["gain"],
        "bytes": stored,
    }
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
