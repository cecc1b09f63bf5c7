"""Columns as normal scores and back: exactly for what was learned, within bounds and types for anything."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_src.synthesis.columns import ROWS_AT_ONCE, TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.marginals import Marginal
from tests.sagemaker_src.synthesis.generator_properties import assert_like
from tests.sagemaker_src.synthesis.random_tables import ODD, floats, frauds, tables

ANY_SPEED = [HealthCheck.too_slow, HealthCheck.data_too_large]
LATTICE = 2.0**-9
NORMAL = NormalDist()


def check_there_and_back(rows: pd.DataFrame) -> None:
    transform = TableTransform.fit(rows)
    again = TableTransform.from_json(json.loads(json.dumps(transform.to_json())))
    assert (again.blocks, again.width) == (transform.blocks, transform.width)
    for spread in (None, np.random.default_rng(1)):
        back = again.inverse(transform.forward(rows, spread))
        pd.testing.assert_frame_equal(back, rows, check_exact=True)


def check_anything_is_like_the_rows(rows: pd.DataFrame, seed: int, width: float) -> None:
    transform = TableTransform.fit(rows)
    matrix = np.random.default_rng(seed).normal(0, width, (200, transform.width)).astype(np.float32)
    made = transform.inverse(matrix)
    assert len(made) == 200
    assert_like(rows, made)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=ANY_SPEED)
@given(rows=tables())
def test_rows_come_back_exactly(rows: pd.DataFrame) -> None:
    check_there_and_back(rows)


@pytest.mark.parametrize("odd", ODD)
def test_odd_rows_come_back_exactly(odd: str) -> None:
    check_there_and_back(ODD[odd])


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=ANY_SPEED)
@given(rows=tables(), seed=st.integers(0, 100), width=st.sampled_from([0.01, 1, 100, 1e30]))
def test_any_matrix_becomes_rows_like_the_learned_ones(rows: pd.DataFrame, seed: int, width: float) -> None:
    check_anything_is_like_the_rows(rows, seed, width)


@pytest.mark.parametrize("odd", ODD)
def test_any_matrix_becomes_rows_like_the_odd_ones(odd: str) -> None:
    check_anything_is_like_the_rows(ODD[odd], 0, 1)


@pytest.mark.slow
def test_so_many_values_that_no_table_holds_them_come_back_exactly() -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"v": random.standard_normal(100_000), "id": random.integers(-(2**63), 2**63 - 1, 100_000)})
    check_there_and_back(rows)
    check_anything_is_like_the_rows(rows, 0, 1)


def test_one_and_true_are_told_apart() -> None:
    rows = pd.DataFrame({"what": pd.Series([1, 1.0, True, "1"] * 5, dtype=object)})
    transform = TableTransform.fit(rows)
    assert list(map(repr, transform.inverse(transform.forward(rows))["what"])) == list(map(repr, rows["what"]))


@pytest.mark.parametrize("rows", [1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1])
def test_every_row_of_a_matrix_is_turned_back(rows: int) -> None:
    transform = TableTransform.fit(pd.DataFrame({"v": [0.5, 1.25, 4.0, 8.125]}))
    assert (transform.inverse(np.full((rows, 1), 6, np.float32))["v"] == 8.125).all()


def test_the_index_does_not_matter() -> None:
    rows = frauds(30)
    rows.index = pd.Index(np.r_[5:20, 5:20])
    transform = TableTransform.fit(rows)
    assert_like(rows, transform.inverse(transform.forward(rows)))
    np.testing.assert_array_equal(transform.forward(rows), transform.forward(rows.reset_index(drop=True)))


# The scores, against a reference that anyone can read


def reference_place(column: list[float], value: float) -> float:
    """The middle of a value's place among all: how many are below, and half of those that equal it."""
    below, equal = sum(other < value for other in column), sum(other == value for other in column)
    return (below + equal / 2) / len(column)


def reference_atoms(column: list[float]) -> set[float]:
    counts = {value: column.count(value) for value in column}
    if len(column) >= 5 * len(counts):
        return set(counts)
    return {value for value, count in counts.items() if count >= 3 and count >= 0.01 * len(column)}


def reference_value(column: list[float], score: float) -> float:
    """An atom in its whole interval; in between, straight lines through the scores of the others."""
    atoms, points = reference_atoms(column), []
    for value in sorted(set(column)):
        place, half = reference_place(column, value), column.count(value) / len(column) / 2
        ends = (place - half, place + half) if value in atoms else (place, place)
        points += [(-9.0 if end <= 0 else 9.0 if end >= 1 else NORMAL.inv_cdf(end), value) for end in ends]
    if score <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if left <= score < right:
            return low + (high - low) * (score - left) / (right - left)
    return points[-1][1]


VALUES = st.lists(
    st.sampled_from([0.0, 1.0, 99.99]) | st.floats(-100, 100).map(lambda v: round(v, 2)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(column=VALUES)
def test_scores_are_those_of_the_reference(column: list[float]) -> None:
    scores = Marginal.of(np.array(column)).forward(np.array(column))
    for value, score in zip(column, scores, strict=True):
        assert score == pytest.approx(NORMAL.inv_cdf(reference_place(column, value)), abs=LATTICE)


@settings(max_examples=60, deadline=None)
@given(column=VALUES, scores=st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=20))
def test_values_are_those_of_the_reference(column: list[float], scores: list[float]) -> None:
    """Up to the lattice: the value belongs to a score that is no further away than a lattice's step."""
    found = Marginal.of(np.array(column)).inverse(np.array(scores, np.float32))
    for score, value in zip(scores, found, strict=True):
        least, most = (reference_value(column, score + step) for step in (-LATTICE, LATTICE))
        assert least - 1e-9 <= value <= most + 1e-9


@settings(max_examples=60, deadline=None)
@given(column=st.lists(floats(), min_size=1, max_size=40), scores=st.lists(st.floats(-5, 5, width=32), min_size=2))
def test_a_greater_score_is_never_a_smaller_value(column: list[float], scores: list[float]) -> None:
    marginal = Marginal.of(np.array(column))
    values = marginal.inverse(np.sort(np.array(scores, np.float32)))
    assert (np.diff(values) >= -1e-12 * np.abs(column).max()).all(), "but for what float64 rounds"
    assert (np.diff(marginal.forward(np.sort(np.array(column)))) >= 0).all()


# What is kept of a column's shape


def normal_scores(rows: int) -> np.ndarray:
    """So many scores, as evenly as the normal distribution has them."""
    return np.array([[NORMAL.inv_cdf((row + 0.5) / rows)] for row in range(rows)], np.float32)


@pytest.mark.parametrize("name", ["amount", "zeros", "hour"])
def test_atoms_keep_their_share(name: str) -> None:
    rows = frauds(500)[[name]]
    made = TableTransform.fit(rows).inverse(normal_scores(20_000))
    common = rows[name].value_counts(normalize=True)
    for value, share in common[common >= 0.02].items():
        assert (made[name] == value).mean() == pytest.approx(share, abs=0.004)


def test_nothing_is_made_up_between_atoms() -> None:
    rows = pd.DataFrame({"v": [0.0] * 40 + [1.0] * 40 + [99.99] * 20})
    assert set(TableTransform.fit(rows).inverse(normal_scores(20_000))["v"]) == {0.0, 1.0, 99.99}


def test_between_other_values_there_are_new_ones() -> None:
    rows = frauds(200)[["v1"]]
    made = TableTransform.fit(rows).inverse(normal_scores(20_000))
    assert made["v1"].nunique() > 10_000
    assert made["v1"].isin(rows["v1"]).mean() < 0.02


@pytest.mark.parametrize("name", ["amount", "zeros", "hour", "v1", "merchant"])
def test_spread_scores_are_normally_distributed(name: str) -> None:
    rows = frauds(5000)[[name]]
    scores = np.sort(TableTransform.fit(rows).forward(rows, np.random.default_rng(0))[:, 0])
    assert np.abs(scores - normal_scores(5000)[:, 0])[100:-100].max() < 0.1


def test_thousands_of_categories_share_one_element() -> None:
    transform = TableTransform.fit(ODD["thousands of categories"])
    assert [(block.column, block.kind) for block in transform.blocks] == [("shop", "value"), ("amount", "value")]


def test_whole_days_and_hundredths_stay() -> None:
    rows = pd.DataFrame(
        {
            "day": pd.to_datetime(["2020-01-01", "2020-02-01", "2024-05-06"]).astype("datetime64[ns]"),
            "second": pd.to_datetime(["2020-01-01 10:00:01", "2020-02-01 00:00:00", "2024-05-06 00:00:00"]).astype(
                "datetime64[ms]"
            ),
            "cents": [0.01, 12.5, 1e9],
            "cents32": np.array([0.01, 12.5, 999.99], "float32"),
        }
    )
    made = TableTransform.fit(rows).inverse(np.tile(normal_scores(1000), 4))
    assert (made["day"] == made["day"].dt.normalize()).all() and made["day"].nunique() > 300
    assert (made["second"] == made["second"].dt.floor("s")).all() and made["second"].nunique() > 300
    assert (made["cents"] == made["cents"].round(2)).all() and made["cents"].nunique() > 300
    assert (made["cents32"].astype(float).round(2).astype("float32") == made["cents32"]).all()


def test_missing_values_have_their_own_element() -> None:
    rows = pd.DataFrame({"v": [1.5, np.nan, 2.25], "whole": pd.array([None, 7, 7], "Int64")})
    transform = TableTransform.fit(rows)
    assert [(block.column, block.start, block.stop, block.kind) for block in transform.blocks] == [
        ("v", 0, 2, "one-hot"),
        ("v", 2, 3, "value"),
        ("whole", 3, 5, "one-hot"),
    ]
    assert transform.flag_of(transform.blocks[1]) == transform.blocks[0]
    assert transform.flag_of(transform.blocks[0]) is None
    made = transform.inverse(np.array([[0.6, 0.4, 0, 0.9, 1], [0.1, 0.2, 0, 0, -1]], np.float32))
    assert made["v"].isna().tolist() == [False, True]
    assert made["whole"].isna().tolist() == [True, False]


# Rows that were not learned, bounds, errors


def test_rows_that_were_not_learned_lie_between_their_neighbours() -> None:
    rows = pd.DataFrame({"v": [0.5, 1.25, 4.0, 8.125], "shop": ["a", "b", "a", "b"], "n": [1, 2, 3, 40]})
    transform = TableTransform.fit(rows)
    new = pd.DataFrame({"v": [-5.0, 1.0, 4.0, 99.0], "shop": ["a", None, "c", "b"], "n": [0, 3, 20, 2**62]})
    learned, scores = transform.forward(rows), transform.forward(new)
    assert scores[[0, 2, 3], 0].tolist() == learned[[0, 2, 3], 0].tolist()
    assert learned[0, 0] < scores[1, 0] < learned[1, 0]
    assert scores[:, 1:3].tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]
    assert learned[2, 3] < scores[2, 3] < learned[3, 3] == scores[3, 3]


def test_bounds_cut() -> None:
    rows = pd.DataFrame({"amount": [-1.5, 0.5, 2.5, 900.0], "count": [1, 2, 3, 4]})
    transform = TableTransform.fit(rows, bounds={"amount": (0, 100), "count": (1.5, 3.5)})
    made = transform.inverse(np.tile(normal_scores(1000), 2))
    assert (made["amount"].min(), made["amount"].max()) == (0, 100)
    assert (made["count"].min(), made["count"].max()) == (2, 3)
    assert transform.inverse(transform.forward(rows))["amount"].tolist() == [0, 0.5, 2.5, 100]


@pytest.mark.parametrize(
    ("rows", "bounds", "says"),
    [
        ({"v": [1.0, np.inf]}, {}, "v: 1 numbers are infinite or beyond 1e\\+300"),
        ({"v": [1.0, 2e300, -2e300]}, {}, "v: 2 numbers are infinite or beyond 1e\\+300"),
        ({"n": np.array([1, 2**63], "uint64")}, {}, "n: numbers are allowed up to 9223372036854775807"),
        ({"d": [Decimal(1)]}, {}, "d: a value is a Decimal; texts, numbers"),
        ({"d": [1 + 2j]}, {}, "d: a value is a complex; texts, numbers"),
        ({"d": [pd.Interval(0, 1)]}, {}, "d: a value is a Interval; texts, numbers"),
        ({}, {}, "0 rows x 0 columns"),
        ({"v": []}, {}, "0 rows x 1 columns"),
        ({"v": [1.0], "shop": ["a"]}, {"shop": (0, 1)}, "bounds of shop: no such column of numbers; there are v"),
        ({"v": [1.0]}, {"w": (0, 1)}, "bounds of w: no such column of numbers; there are v"),
        ({"v": [1.0]}, {"v": (1, 0)}, "bounds of v: 1 is not below 0"),
        ({"v": [1.0]}, {"v": (float("nan"), 0)}, "bounds of v: nan is not below 0"),
    ],
)
def test_what_cannot_be_learned_is_refused(rows: dict, bounds: dict, says: str) -> None:
    with pytest.raises(SynthesisError, match=says):
        TableTransform.fit(pd.DataFrame(rows), bounds)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(SynthesisError, match="v: two columns"):
        TableTransform.fit(pd.DataFrame([[1, 2]], columns=["v", "v"]))


def test_wrong_matrices_and_rows_are_refused() -> None:
    transform = TableTransform.fit(frauds(20)[["v1", "amount"]])
    with pytest.raises(SynthesisError, match="shape \\(3, 1\\) was given; \\(rows, 2\\) is needed"):
        transform.inverse(np.zeros((3, 1), np.float32))
    for wrong in (np.nan, np.inf):
        with pytest.raises(SynthesisError, match="no finite numbers"):
            transform.inverse(np.array([[0, wrong]], np.float32))
    with pytest.raises(SynthesisError, match="amount: no such column; there are v1"):
        transform.forward(frauds(20)[["v1"]])
    with pytest.raises(SynthesisError, match="version 0; 1 is read here"):
        TableTransform.from_json({"version": 0})
