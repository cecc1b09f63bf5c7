"""Explanations of a model: that contributions are what the model adds up, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb

from fraud.model_input import ModelInput
from sagemaker_src.training.explanations import BINS, contributions, dependence, importance, stability

TAKES = ModelInput(("amount", "category", "noise"), {"category": ("home", "travel")})


@pytest.fixture(scope="module")
def vectors():
    random = np.random.default_rng(3)
    found = random.gamma(2, 40, (5_000, 3)).astype(np.float32)
    found[:, 1] = random.integers(0, 2, len(found))
    found[random.random(found.shape) < 0.05] = np.nan
    return found


@pytest.fixture(scope="module")
def trees(vectors):
    label = (np.nan_to_num(vectors[:, 0]) > 150) | ((vectors[:, 1] == 1) & (np.nan_to_num(vectors[:, 0]) > 100))
    rows = xgb.DMatrix(
        vectors, label=label, feature_names=list(TAKES.names), feature_types=list(TAKES.types), enable_categorical=True
    )
    return xgb.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, rows, 30)


def test_the_contributions_of_each_row_add_up_to_the_log_odds_of_its_score(trees, vectors):
    found = contributions(trees, TAKES, vectors)
    assert found.values.shape == vectors.shape
    score = trees.inplace_predict(vectors, validate_features=False).astype(np.float64)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, np.log(score / (1 - score)), atol=2e-3)
    assert found.apart < 1e-4


def test_what_decides_is_the_most_important(trees, vectors):
    found = importance(contributions(trees, TAKES, vectors).values, TAKES.names)
    assert list(found) == ["amount", "category", "noise"]


def test_the_dependence_follows_the_values(trees, vectors):
    found = contributions(trees, TAKES, vectors).values
    bins = dependence(vectors[:, 0], found[:, 0])
    assert [each.says for each in bins][-1] == "missing"
    assert len(bins) == BINS + 1
    assert sum(each.rows for each in bins) == len(vectors)
    assert bins[-2].mean > 1
    assert bins[0].mean < 0
    of_text = dependence(vectors[:, 1], found[:, 1], TAKES.categories["category"])
    assert [each.says for each in of_text] == ["home", "travel", "missing"]


def test_no_value_is_in_two_bins():
    column = np.float32([0] * 60 + list(range(1, 41)))
    bins = dependence(column, column.astype(float))
    assert bins[0].says == "0"
    assert bins[0].rows == 60
    assert sum(each.rows for each in bins) == 100


def test_the_rarest_categories_stand_together():
    column = np.float32([code for code in range(20) for _ in range(20 - code)])
    bins = dependence(column, np.zeros(len(column)), [f"c{code}" for code in range(20)])
    assert [each.says for each in bins] == [*(f"c{code}" for code in range(12)), "(rest)"]
    assert sum(each.rows for each in bins) == len(column)


def test_a_model_is_as_alike_to_itself_as_can_be_and_what_moved_most_comes_first(trees, vectors):
    found = contributions(trees, TAKES, vectors)
    same = stability((found, TAKES.names), (found, TAKES.names))
    assert (same.order, same.scores) == (pytest.approx(1), pytest.approx(1))
    assert [each.alike for each in same.features] == [pytest.approx(1)] * 3
    turned = found._replace(values=found.values[:, [2, 1, 0]])
    moved = stability((found, TAKES.names), (turned, (*TAKES.names[:2], "other")))
    assert moved.features[0].name in ("amount", "other")
    assert {each.name: (each.one is None, each.other is None) for each in moved.features} == {
        "amount": (False, False), "category": (False, False), "noise": (False, True), "other": (True, False),
    }  # fmt: skip
    assert moved.order is None
