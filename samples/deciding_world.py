"""A small model, nightly features and messages of the topic `features`, for the tests and measures of the deciding step."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xgboost as xgb

from fraud.features.catalogue import CATALOGUE, names
from fraud.features.nightly import CardRecord
from fraud.fields import OPTIONAL_FEATURES
from fraud.model_input import ModelInput
from fraud.ports import Nightly
from fraud.vector import FEATURE_NAMES

CATEGORIES = [f"category {letter}" for letter in "abcdefgh"]
_NOT_GIVEN = {field.name for field in OPTIONAL_FEATURES}
INPUT = ModelInput(
    tuple(name for name in FEATURE_NAMES if name not in _NOT_GIVEN), MappingProxyType({"category": tuple(CATEGORIES)})
)
"""Of a model whose training rows had none of the fields that may be missing."""
THRESHOLDS = {"review": 0.5, "block": 0.9}
CARDS = [f"{number:032x}" for number in range(200)]
MOMENT = 1_767_225_600_000
"""2026-01-01 in UTC."""


@cache
def trees(rounds: int, max_depth: int = 6) -> xgb.Booster:
    """A model of made-up vectors, in which high amounts are fraud."""
    random = np.random.default_rng(1)
    vectors = random.gamma(2, 40, size=(4_000, len(INPUT.names))).astype(np.float32)
    vectors[:, INPUT.names.index("category")] = random.integers(0, len(CATEGORIES), len(vectors))
    vectors[random.random(vectors.shape) < 0.1] = np.nan
    label = np.nan_to_num(vectors[:, 0]) + random.normal(scale=20, size=len(vectors)) > 200
    matrix = xgb.QuantileDMatrix(
        vectors,
        label=label,
        feature_names=list(INPUT.names),
        feature_types=list(INPUT.types),
        enable_categorical=True,
    )
    parameters = {"objective": "binary:logistic", "max_depth": max_depth, "eta": 0.08, "nthread": 1, "base_score": 0.5}
    return xgb.train(parameters, matrix, rounds)


def write_model(folder: Path, rounds: int = 60, **changes: Any) -> Path:
    """A model folder as training writes it; `changes` replace fields of the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    trees(rounds).save_model(folder / "model.ubj")
    manifest = {
        "model_version": "small",
        **INPUT.manifest(),
        "thresholds": THRESHOLDS,
        "metrics": {},
        "data": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


def card_record(cut_ms: int = MOMENT - 3_600_000) -> CardRecord:
    """A card's nightly record, with some history in every category and hour."""
    values = {name: 25 if name.startswith("num_") else 48.27 for name in names(CATALOGUE.card_features)}
    habits: dict[str, dict[str, float | None]] = {
        "num_trans_category_all": dict.fromkeys(CATEGORIES, 3),
        "avg_amt_category_all": dict.fromkeys(CATEGORIES, 20.53),
        "num_trans_hour_all": {str(hour): 2 for hour in range(24)},
    }
    return CardRecord(cut_ms, values, habits)


POPULATION = {"avg_amt_population_30d": dict.fromkeys(CATEGORIES, 70.25)}


def small_nightly() -> Nightly:
    """The nightly features of CARDS."""
    return Nightly({card: card_record() for card in CARDS}, POPULATION)


def feature_fields(number: int, **changes: Any) -> dict[str, Any]:
    """A message of the topic `features`, parsed: transaction `t<number>`."""
    return {
        "transaction_id": f"t{number}",
        "cc_num": CARDS[number % len(CARDS)],
        "amount_cents": 1_000 + number * 7 % 9_000,
        "trans_time": MOMENT + number,
        "event_time": "2026-01-01T00:00:00.000Z",
        "merchant": "a merchant",
        "category": CATEGORIES[number % len(CATEGORIES)],
        "merch_lat": 40.1,
        "merch_long": -73.9,
        "num_trans_last_10m": 1,
        "avg_amt_last_10m": 31.25,
        "num_trans_last_1h": 2,
        "avg_amt_last_1h": 20.03,
        "mean_age_last_1h": 1800.5,
        "num_trans_last_1d": 4,
        "avg_amt_last_1d": 44.87,
        "mean_age_last_1d": None,
        **changes,
    }


def feature_message(number: int, **changes: Any) -> bytes:
    """A message of the topic `features`."""
    return json.dumps(feature_fields(number, **changes)).encode()


def transaction_message(number: int, **changes: Any) -> bytes:
    """A message of the topic `transactions`, of the same transaction as `feature_message(number)`."""
    fields = feature_fields(number)
    kept = ("transaction_id", "cc_num", "event_time", "merchant", "category", "merch_lat", "merch_long")
    amount = f"{fields['amount_cents'] // 100}.{fields['amount_cents'] % 100:02d}"
    return json.dumps({**{name: fields[name] for name in kept}, "amount": amount, **changes}).encode()
