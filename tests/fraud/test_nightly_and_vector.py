"""The nightly features by the naive loop, by the join of the batch engines and by the look-up of the deciding step."""

from __future__ import annotations

import math
import random
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fraud.features.catalogue import CATALOGUE, NIGHTLY_FEATURES, STREAM_FEATURES, Catalogue, names
from fraud.features.nightly import CardRecord, Population, nightly_columns
from fraud.features.nightly_records import card_record, nightly_record, population_of, population_records
from fraud.fields import OPTIONAL_FEATURES
from fraud.model_input import ModelInput
from fraud.vector import FEATURE_NAMES, INPUT_COLUMNS, MODEL_FEATURES, declared_input, given_input, model_vector
from sagemaker_src.processing.batch_features import compute, daily_sums, engine, features_select, load, nightly_snapshot
from tests.parity.further import FURTHER, FURTHER_HABITS
from tests.parity.naive_nightly import DAY_MS, HABITS, NaiveHabit, naive_nightly_features

START = 1_767_225_600_000  # 2026-01-01


def _rows(count: int, days: int, cards: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    edges = [0, 1, DAY_MS - 1]  # on the cut, just after it, just before the next
    return [
        {
            "transaction_id": f"t{position}",
            "cc_num": f"{chance.randrange(cards):032x}",
            "category": chance.choice(["travel", "grocery_pos", "misc_net"]),
            "merchant": chance.choice([None, "m1", "m2"]),
            "device_id": chance.choice([None, "d1", "d2", "d3"]),
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


DECLARED = pytest.mark.parametrize(
    ("catalogue", "habits"), [(CATALOGUE, HABITS), (FURTHER, FURTHER_HABITS)], ids=["product", "further"]
)


@DECLARED
def test_the_join_equals_the_naive_loop(catalogue: Catalogue, habits: tuple[NaiveHabit, ...]) -> None:
    rows = _rows(1_500, days=45, cards=12, seed=3)
    naive = naive_nightly_features(rows, habits)
    wanted = {row["transaction_id"]: features for row, features in zip(rows, naive, strict=True)}
    with engine() as connection:
        connection.register("curated", _table(rows))
        load(connection, "curated", catalogue=catalogue)
        compute(connection, catalogue=catalogue)
        select = features_select("curated", ("category",), catalogue=catalogue)
        found = connection.sql(select).to_arrow_table().to_pylist()
    assert len(found) == len(rows)
    for row in found:
        assert {name: row[name] for name in names(catalogue.nightly_features)} == wanted[row["transaction_id"]]


@pytest.mark.slow
@DECLARED
def test_the_look_up_in_the_store_equals_the_naive_loop(catalogue: Catalogue, habits: tuple[NaiveHabit, ...]) -> None:
    rows = _rows(2_000, days=45, cards=12, seed=4)
    cut_ms = START + 40 * DAY_MS
    asked = [row for row in rows if cut_ms <= row["event_ms"] < cut_ms + DAY_MS]
    asked.append({**asked[0], "cc_num": "f" * 32, "transaction_id": "unknown card"})
    wanted = naive_nightly_features(rows + asked[-1:], habits)
    by_id = {row["transaction_id"]: features for row, features in zip(rows + asked[-1:], wanted, strict=True)}
    with engine() as connection:
        connection.register("curated", _table(rows))  # rows of the day and after it are there, and must not be seen
        load(connection, "curated", catalogue=catalogue)
        daily_sums(connection, catalogue)
        cards, population = _stored(*nightly_snapshot(connection, cut_ms, catalogue), cut_ms, catalogue)
    for found in (population, *(card.habits for card in cards.values())):
        assert all("None" not in values for values in found.values()), "rows without a key have habits"
    columns = nightly_columns(
        {name: [row[name] for row in asked] for name in catalogue.habit_columns},
        np.array([row["event_ms"] for row in asked]),
        [cards.get(row["cc_num"]) for row in asked],
        population,
        catalogue,
    )
    for position, row in enumerate(asked):
        for name, value in by_id[row["transaction_id"]].items():
            found = columns[name][position]
            assert math.isnan(found) if value is None else found == value, (row, name)


def _stored(
    cards: dict[str, CardRecord], population: Population, cut_ms: int, catalogue: Catalogue
) -> tuple[dict[str, CardRecord], Population]:
    """The records as they come back out of the store."""
    read = [
        {value["FeatureName"]: value["ValueAsString"] for value in record}
        for record in population_records(population, cut_ms, catalogue)
    ]
    kept = {}
    for card, record in cards.items():
        values = {value["FeatureName"]: value["ValueAsString"] for value in nightly_record(card, record, catalogue)}
        kept[card] = card_record(values, catalogue)
    return kept, population_of({values["cc_num"]: values for values in read}, catalogue)


def _inputs(**given: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {name: np.array([np.nan]) for name in (*names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))}
    columns |= {"amount_cents": np.array([1234]), "category": ["travel"], "event_ms": np.array([START + 5 * 3_600_000])}
    columns |= {name: np.array([value], dtype=float) for name, value in given.items()}
    return columns


def _takes(*categories: str) -> ModelInput:
    return ModelInput(FEATURE_NAMES, declared_input({"category": categories}).categories)


def _named(vector: Any) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, vector[0].tolist(), strict=True))


def test_the_published_ratios() -> None:
    vector = _named(
        model_vector(
            _inputs(avg_amt_last_10m=20, num_trans_last_10m=4, avg_amt_last_1w=8, num_trans_last_1w=16),
            _takes("home", "travel"),
        )
    )
    assert vector["amt_ratio1"] == 2.5
    assert vector["amt_ratio2"] == np.float32(12.34 / 8)
    assert vector["count_ratio"] == 0.25
    assert (vector["amount"], vector["category"], vector["hour"], vector["weekday"]) == (np.float32(12.34), 1, 5, 3)


def test_no_history_is_missing_and_never_zero_or_infinite() -> None:
    vector = _named(model_vector(_inputs(num_trans_last_1w=0, num_trans_all=0, num_trans_last_10m=1), _takes("home")))
    assert vector["num_trans_last_1w"] == 0
    for name in ("amt_ratio1", "amt_ratio2", "count_ratio", "category_share", "avg_others_last_10m", "category"):
        assert math.isnan(vector[name]), name


def test_the_mean_of_the_others_is_exact() -> None:
    cents = [1, 99_999_999, 1234]
    average = sum(cents) / len(cents) / 100
    vector = model_vector(_inputs(num_trans_last_1d=3, avg_amt_last_1d=average), _takes("travel"))
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
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_a_new_model_takes_what_was_worth_it_and_a_request_holds_all() -> None:
    left = {"num_trans_all", "avg_amt_all", "avg_amt_population_30d", "amt_over_population"}
    assert declared_input({}).names == MODEL_FEATURES == tuple(name for name in FEATURE_NAMES if name not in left)
    assert given_input(_inputs()).names == FEATURE_NAMES
    # what is left still gives the shares that a new model takes
    vector = _named(model_vector(_inputs(num_trans_all=8, num_trans_hour_all=2), given_input(_inputs())))
    assert (vector["num_trans_all"], vector["hour_share"]) == (8, 0.25)


def test_a_column_that_is_not_there_is_missing_and_so_is_what_is_derived_from_it() -> None:
    whole = _inputs(**dict.fromkeys((*names(STREAM_FEATURES), *names(NIGHTLY_FEATURES)), 2.0))
    part = {name: values for name, values in whole.items() if name != "avg_amt_last_1w"}
    vector, of_part = _named(model_vector(whole, _takes("travel"))), _named(model_vector(part, _takes("travel")))
    gone = {name for name in FEATURE_NAMES if math.isnan(of_part[name])}
    assert gone - _NOT_GIVEN == {"avg_amt_last_1w", "amt_ratio1", "amt_ratio2"}
    assert all(vector[name] == of_part[name] for name in FEATURE_NAMES if name not in gone)


def test_a_model_gets_its_own_features_in_its_own_order() -> None:
    takes = ModelInput(("shoe_size", "category", "amount", "brand"), {"category": ("travel",), "brand": ("x",)})
    row = model_vector(_inputs(), takes)[0].tolist()
    assert row[1:3] == [0, pytest.approx(12.34)]
    assert math.isnan(row[0])
    assert math.isnan(row[3])


def test_text_is_no_number_and_a_number_no_text() -> None:
    row = model_vector(_inputs(), ModelInput(("category", "amount"), {"amount": ("12.34",)}))[0]
    assert np.isnan(row).all()


def test_the_vector_is_the_formulas_written_out() -> None:
    """Every declared formula beside its plain Python, over values that divide by zero, are missing, huge and zero."""
    rng = np.random.default_rng(3)
    stored = (*names(STREAM_FEATURES), *names(NIGHTLY_FEATURES))
    columns: dict[str, Any] = {name: rng.choice([np.nan, 0.0, 1.0, 2.0, 7.25, 99_999_999.0], 500) for name in stored}
    columns |= {"amount_cents": rng.integers(0, 10_000, 500), "category": ["travel"] * 500}
    columns |= {"event_ms": START + rng.integers(0, 40 * 86_400_000, 500)}
    vectors = model_vector(columns, _takes("travel"))
    for row, vector in enumerate(vectors.tolist()):
        given = {name: values[row] for name, values in columns.items()}
        for name, found in zip(FEATURE_NAMES, vector, strict=True):
            expected = _written_out(name, given)
            assert np.float32(found) == np.float32(expected) or (math.isnan(found) and not math.isfinite(expected)), (
                name
            )


_NOT_GIVEN = {field.name for field in OPTIONAL_FEATURES}


def _written_out(name: str, given: dict[str, Any]) -> float:
    """A feature, in plain Python."""

    def over(above: float, below: float) -> float:
        return above / below if below else math.nan

    def others(window: str) -> float:
        count, mean = given[f"num_trans_last_{window}"], given[f"avg_amt_last_{window}"]
        if not count > 1 or math.isnan(mean):
            return math.nan
        return float(round(mean * count * 100 - given["amount_cents"]) / 100 / (count - 1))

    amount = given["amount_cents"] / 100
    moment = datetime.fromtimestamp(given["event_ms"] / 1000, timezone.utc)
    formulas = {
        "amount": amount,
        "category": 0.0,
        "hour": moment.hour,
        "weekday": moment.weekday(),
        "avg_others_last_10m": others("10m"),
        "avg_others_last_1h": others("1h"),
        "avg_others_last_1d": others("1d"),
        "amt_over_avg_last_1h": over(amount, given["avg_amt_last_1h"]),
        "amt_over_avg_last_1d": over(amount, given["avg_amt_last_1d"]),
        "amt_over_others_last_1d": over(amount, others("1d")),
        "amt_ratio1": over(given["avg_amt_last_10m"], given["avg_amt_last_1w"]),
        "amt_ratio2": over(amount, given["avg_amt_last_1w"]),
        "count_ratio": over(given["num_trans_last_10m"], given["num_trans_last_1w"]),
        "amt_over_avg_last_30d": over(amount, given["avg_amt_last_30d"]),
        "amt_over_max_last_30d": over(amount, given["max_amt_last_30d"]),
        "amt_over_avg_category_all": over(amount, given["avg_amt_category_all"]),
        "category_share": over(given["num_trans_category_all"], given["num_trans_all"]),
        "hour_share": over(given["num_trans_hour_all"], given["num_trans_all"]),
        "amt_over_population": over(amount, given["avg_amt_population_30d"]),
    }
    return float(formulas[name] if name in formulas else given.get(name, math.nan))
