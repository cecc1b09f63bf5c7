"""How alike rows are: by the libraries' own numbers, each beside its floor."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, pearsonr
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import normalized_mutual_info_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.fidelity import correlation_difference, distance, fidelity, two_sample_auc
from sagemaker_src.synthesis.quality.libraries import COPULAS, sdmetrics
from sagemaker_src.synthesis.quality.values import Scale, fingerprints, plain
from tests.sagemaker_src.synthesis.made_up_frauds import copies, frauds

pytestmark = pytest.mark.slow

LIKE = frauds(5, 0)


def rows(count: int, seed: int) -> pd.DataFrame:
    return plain(frauds(count, seed), LIKE)


def test_a_columns_distance_is_what_sdmetrics_and_scipy_compute() -> None:
    real, other = rows(80, 1), rows(120, 2)
    other["v0"] += 0.7
    assert distance(real, other, "v0") == 1 - sdmetrics().KSComplement.compute(real["v0"], other["v0"])
    assert distance(real, other, "v0") == pytest.approx(ks_2samp(real["v0"], other["v0"]).statistic)
    shares = [each["shop"].value_counts(normalize=True) for each in (real, other)]
    assert distance(real, other, "shop") == pytest.approx((shares[0] - shares[1]).abs().sum() / 2)
    assert distance(real, other, "age") == pytest.approx(
        ks_2samp(real["age"].dropna(), other["age"].dropna()).statistic
    )


def test_nothing_stands_in_for_copulas_once_sdmetrics_is_there() -> None:
    sdmetrics()
    assert not set(COPULAS) & set(sys.modules)


def test_correlations_differ_by_what_scipy_says() -> None:
    real, other = rows(60, 1)[["v0", "v1", "v2"]], rows(60, 2)[["v0", "v1", "v2"]]
    pairs = [("v0", "v1"), ("v0", "v2"), ("v1", "v2")]
    apart = [abs(pearsonr(real[a], real[b])[0] - pearsonr(other[a], other[b])[0]) for a, b in pairs]
    assert correlation_difference(real, other) == pytest.approx(np.mean(apart))


def test_mutual_information_differs_by_what_scikit_learn_says_of_tenths() -> None:
    trained, held_out, other = (rows(80, seed)[["v0", "v1", "amount"]] for seed in (1, 2, 3))
    other = other.assign(v1=other["v0"])
    real = pd.concat([trained, held_out], ignore_index=True)

    def information(table: pd.DataFrame) -> list[float]:
        tenths = {
            name: np.digitize(table[name], np.quantile(real[name], [share / 10 for share in range(1, 10)]))
            for name in table
        }
        return [
            normalized_mutual_info_score(tenths[one], tenths[two])
            for one, two in (("v0", "v1"), ("v0", "amount"), ("v1", "amount"))
        ]

    apart = np.mean(np.abs(np.subtract(information(held_out), information(other))))
    found = fidelity(trained, held_out, other, seed=1, trees=5, draws=1)
    assert found["mutual_information_difference"] == pytest.approx(apart)
    assert apart > 0.2


def test_the_two_sample_test_is_scikit_learns_forest_cross_validated() -> None:
    real, other = rows(40, 1)[["v0", "amount"]], rows(40, 2)[["v0", "amount"]] + 0.5
    both, label = pd.concat([real, other]).to_numpy(), np.repeat([0, 1], 40)
    split = StratifiedGroupKFold(5, shuffle=True, random_state=3)
    forest = RandomForestClassifier(30, random_state=3)
    # No row twice: each is a group of its own, named in the order of its fingerprint, as the folds depend on that order.
    groups = fingerprints(pd.concat([real, other], ignore_index=True))
    told = cross_val_predict(forest, both, label, groups=groups, cv=split, method="predict_proba")[:, 1]
    assert two_sample_auc(real, other, seed=3, trees=30, draws=1) == roc_auc_score(label, told)


def test_fresh_rows_of_the_same_distribution_are_told_apart_no_better_than_real_ones_and_others_are() -> None:
    trained, held_out = rows(200, 1), rows(80, 2)
    fresh = fidelity(trained, held_out, rows(200, 3), seed=1, trees=40, draws=2)
    assert fresh["two_sample_auc"] < 0.65
    assert fresh["mean_ks"] < 1.25 * fresh["floor_ks"]
    shifted = rows(200, 3)
    shifted["v0"], shifted["amount"] = shifted["v0"] + 2, 0.0
    off = fidelity(trained, held_out, shifted, seed=1, trees=40, draws=2)
    assert off["two_sample_auc"] > 0.9
    assert off["mean_ks"] > 1.25 * off["floor_ks"]


def test_columns_that_no_longer_hang_together_are_found_though_each_is_right() -> None:
    trained, held_out = rows(300, 1), rows(200, 2)
    mixed = trained.apply(lambda column: column.sample(frac=1, random_state=len(column.name)).to_numpy())
    found = fidelity(trained, held_out, mixed, seed=1, trees=10, draws=1)
    assert found["mean_ks"] == pytest.approx(found["floor_ks"])
    assert found["correlation_difference"] > 1.5 * found["floor_correlation_difference"]


def test_a_row_that_is_repeated_is_not_told_by_having_been_seen() -> None:
    real, few = rows(100, 1), rows(30, 2)
    assert two_sample_auc(real, copies(few, 100, 1), seed=1, trees=40, draws=2) < 0.75


def test_columns_that_are_constant_missing_or_of_one_kind_are_measured() -> None:
    real = pd.DataFrame({"one": [1.0] * 30, "none": [np.nan] * 30, "text": ["a"] * 30, "flag": [True, False] * 15})
    known = plain(real, real)
    found = fidelity(known[:15], known[15:].reset_index(drop=True), known, seed=1, trees=5, draws=1)
    assert found["mean_ks"] == pytest.approx(found["floor_ks"], abs=0.1)
    full = known.assign(none=1.0)
    assert distance(known, full, "none") == 1.0


def test_a_histogram_holds_every_row() -> None:
    found = fidelity(rows(50, 1), rows(50, 2), rows(50, 3), seed=1, trees=5, draws=1)
    for column in found["columns"]:
        for side in ("real", "synthetic"):
            assert sum(column[side]["shares"]) + column[side]["missing"] == pytest.approx(1)


def test_rows_that_are_too_few_are_not_told_apart() -> None:
    assert two_sample_auc(rows(9, 1), rows(50, 2), seed=1) is None


def test_synthetic_rows_without_a_column_or_with_text_for_numbers_are_refused() -> None:
    with pytest.raises(SynthesisError, match="lack the column amount"):
        plain(LIKE.drop(columns="amount"), LIKE)
    with pytest.raises(SynthesisError, match="column amount"):
        plain(LIKE.assign(amount="much"), LIKE)


def test_a_change_of_category_is_as_far_as_a_standard_deviation() -> None:
    real = plain(pd.DataFrame({"x": [0.0, 2.0], "shop": ["a", "b"]}), pd.DataFrame({"x": [0.0], "shop": ["a"]}))
    points = Scale(real).points(plain(pd.DataFrame({"x": [0.0, 1.0, 0.0, 0.0], "shop": ["a", "a", "b", "new"]}), real))
    assert [float(np.linalg.norm(points[0] - each)) for each in points] == pytest.approx([0, 1, 1, 1])
