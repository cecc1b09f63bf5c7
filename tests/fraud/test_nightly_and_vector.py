"""The nightly features by the naive loop, by the join of the batch engines and by the look-up of the deciding step."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.nightly import nightly_columns
from fraud.vector import FEATURE_NAMES, FEATURE_TYPES, INPUT_COLUMNS, model_vector
from sagemaker_src.processing.batch_features import compute, daily_sums, engine, features_select, load, nightly_snapshot
from tests.parity.naive_nightly import DAY_MS, naive_nightly_features

START = 1_767_225_600_000  # 2026-01-01


def _rows(count: int, days: int, cards: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    edges = [0, 1, DAY_MS - 1]  # on the cut, just after it, just before the next
    return [
        {
            "transaction_id": f"t{position}",
            "cc_num": f"{chance.randrange(cards):032x}",
            "category": chance.choice(["travel", "grocery_pos", "misc_net"]),
            "amount_cents": chance.choice([1, 99_999_999, chance.randrange(1, 50_000)]),
            "event_ms": START
            + chance.randrange(days) * DAY_MS
            + chance.choice([*edges, chance.randrange(DAY_MS), chance.randrange(DAY_MS)]),
        }
        for position in range(count)
    ]


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    table = pa.Table.from_pylist(rows)
    return table.append_column("event_time", table["event_ms"].cast(pa.timestamp("ms", "UTC"))).drop_columns("event_ms")


def test_the_join_equals_the_naive_loop() -> None:
    rows = _rows(1_500, days=45, cards=12, seed=3)
    naive = {row["transaction_id"]: wanted for row, wanted in zip(rows, naive_nightly_features(rows), strict=True)}
    with engine() as connection:
        connection.register("curated", _table(rows))
        load(connection, "curated")
        compute(connection)
        found = connection.sql(features_select("curated", labelled=False)).to_arrow_table().to_pylist()
    assert len(found) == len(rows)
    for row in found:
        assert {name: row[name] for name in names(NIGHTLY_FEATURES)} == naive[row["transaction_id"]]


@pytest.mark.slow
def test_the_look_up_in_the_store_equals_the_join() -> None:
    rows = _rows(2_000, days=45, cards=12, seed=4)
    cut_ms = START + 40 * DAY_MS
    asked = [row for row in rows if cut_ms <= row["event_ms"] < cut_ms + DAY_MS]
    asked.append({**asked[0], "cc_num": "f" * 32, "transaction_id": "unknown card"})
    wanted = naive_nightly_features(rows + asked[-1:])
    by_id = {row["transaction_id"]: features for row, features in zip(rows + asked[-1:], wanted, strict=True)}
    with engine() as connection:
        connection.register("curated", _table(rows))  # rows of the day and after it are there, and must not be seen
        load(connection, "curated")
        daily_sums(connection)
        cards, population = nightly_snapshot(connection, cut_ms)
    columns = nightly_columns(
        [row["category"] for row in asked],
        np.array([row["event_ms"] for row in asked]),
        [cards.get(row["cc_num"]) for row in asked],
        population,
    )
    for position, row in enumerate(asked):
        for name, value in by_id[row["transaction_id"]].items():
            found = columns[name][position]
            assert math.isnan(found) if value is None else found == value, (row, name)


def _inputs(**given: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.array([np.nan]) for name in (*names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))}
    columns |= {"amount_cents": np.array([1234]), "category": ["travel"], "event_ms": np.array([START + 5 * 3_600_000])}
    columns |= {name: np.array([value], dtype=float) for name, value in given.items()}
    return columns


def _named(vector: Any) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, vector[0].tolist(), strict=True))


def test_the_published_ratios() -> None:
    vector = _named(
        model_vector(
            _inputs(avg_amt_last_10m=20, num_trans_last_10m=4, avg_amt_last_1w=8, num_trans_last_1w=16),
            ["home", "travel"],
        )
    )
    assert vector["amt_ratio1"] == 2.5
    assert vector["amt_ratio2"] == np.float32(12.34 / 8)
    assert vector["count_ratio"] == 0.25
    assert (vector["amount"], vector["category"], vector["hour"], vector["weekday"]) == (np.float32(12.34), 1, 5, 3)


def test_no_history_is_missing_and_never_zero_or_infinite() -> None:
    vector = _named(model_vector(_inputs(num_trans_last_1w=0, num_trans_all=0, num_trans_last_10m=1), ["home"]))
    assert vector["num_trans_last_1w"] == 0
    for name in ("amt_ratio1", "amt_ratio2", "count_ratio", "category_share", "avg_others_last_10m", "category"):
        assert math.isnan(vector[name]), name


def test_the_mean_of_the_others_is_exact() -> None:
    cents = [1, 99_999_999, 1234]
    average = sum(cents) / len(cents) / 100
    vector = model_vector(_inputs(num_trans_last_1d=3, avg_amt_last_1d=average), ["travel"])
    assert _named(vector)["avg_others_last_1d"] == np.float32(50_000_000 / 100)


def test_the_vector_holds_no_identity_and_no_protected_attribute() -> None:
    forbidden = {
        "cc_num",
        "card",
        "first",
        "last",
        "gender",
        "dob",
        "age",
        "street",
        "city",
        "state",
        "zip",
        "job",
        "merchant",
    }
    assert not forbidden & set(FEATURE_NAMES)
    assert not forbidden & set(INPUT_COLUMNS)
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == len(FEATURE_TYPES)


def test_a_missing_column_is_named() -> None:
    columns = _inputs()
    del columns["avg_amt_last_1w"]
    with pytest.raises(KeyError, match="avg_amt_last_1w"):
        model_vector(columns, ["travel"])
