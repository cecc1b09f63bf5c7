"""The figures of drift, against the plainest way to compute them and against scipy's."""

from __future__ import annotations

from bisect import bisect_left
from itertools import combinations
from math import isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from sagemaker_src.drift.baseline import Watched
from sagemaker_src.drift.compare import (
    ALPHA,
    PSI_LIMIT,
    SHARE_LIMIT,
    chi_squared,
    compare,
    holm,
    kolmogorov_smirnov,
    psi,
)
from sagemaker_src.drift.series import GROWING, Series, quantile_edges

numbers = st.lists(st.floats(-9, 9) | st.just(float("nan")) | st.sampled_from([0.0, 1.0, 1.0]), min_size=1, max_size=60)


@given(numbers, st.lists(st.sampled_from([-3.0, 0.0, 1.0, 2.5]), max_size=4, unique=True).map(sorted))
def test_each_value_lies_in_one_bin(values, edges):
    series = Series("x", "number", edges=tuple(edges))
    expected = [0] * (len(edges) + 3)
    for value in values:
        expected[-1 if isnan(value) else bisect_left(edges, value)] += 1
    assert series.counts(np.array(values)).tolist() == expected


@given(st.lists(st.sampled_from(["DE", "FR", "ZZ", None]), max_size=30))
def test_texts_are_known_unknown_or_missing(values):
    known = ("DE", "FR")
    codes = np.array([known.index(value) if value in known else np.nan for value in values])
    missing = np.array([value is None for value in values], dtype=bool)
    counts = Series("country", "category", values=known).counts(codes, missing).tolist()
    assert counts == [values.count("DE"), values.count("FR"), values.count("ZZ"), values.count(None)]


@given(numbers)
def test_edges_part_the_values_and_each_part_holds_some(values):
    there = np.array([value for value in values if not isnan(value)])
    edges = quantile_edges(np.array(values))
    assert list(edges) == sorted(set(edges))
    if len(there):
        counts = Series("x", "number", edges=edges).counts(there)[:-2]
        assert (counts > 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_index_is_the_plain_sum_less_what_chance_gives(seed):
    rng = np.random.default_rng(seed)
    day, before = rng.integers(0, 50, 6), rng.integers(0, 900, 6)
    held = [place for place in range(6) if day[place] + before[place]]
    n, m = sum(day), sum(before)
    total = 0.0
    for place in held:
        now = (day[place] + 0.5) / (n + 0.5 * len(held))
        then = (before[place] + 0.5) / (m + 0.5 * len(held))
        total += (now - then) * log(now / then)
    assert psi(day, before) == pytest.approx(max(0.0, total - (len(held) - 1) * (1 / n + 1 / m)))


def test_the_index_of_equal_distributions_is_small_for_any_number_of_values():
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    before = rng.multinomial(100_000, shares)
    for size in (50, 500, 5_000):
        assert np.mean([psi(rng.multinomial(size, shares), before) for _ in range(300)]) < 10 / size


@pytest.mark.parametrize("seed", range(20))
def test_kolmogorov_smirnov_is_scipys_where_each_bin_is_a_value(seed):
    rng = np.random.default_rng(seed)
    day, before = rng.integers(0, 8, 300), rng.integers(0, 9, 900)
    distance, chance = kolmogorov_smirnov(np.bincount(day, minlength=9), np.bincount(before, minlength=9))
    theirs = ks_2samp(day, before, method="asymp")
    assert distance == pytest.approx(theirs.statistic)
    assert chance == pytest.approx(theirs.pvalue, rel=0.25, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_chi_squared_is_scipys(seed):
    rng = np.random.default_rng(seed)
    day, before = rng.integers(20, 90, 6), rng.integers(100, 900, 6)
    assert chi_squared(day, before) == pytest.approx(chi2_contingency([day, before], correction=False).pvalue)


def test_chances_under_no_difference_are_spread_evenly():
    rng = np.random.default_rng(2)
    shares = np.array([0.5, 0.3, 0.15, 0.04, 0.01])
    found = [chi_squared(rng.multinomial(400, shares), rng.multinomial(9_000, shares)) for _ in range(500)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.03)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.sampled_from([0.01, 0.05, 0.5]))
def test_holm_closes_over_all_sets_of_hypotheses(chances, alpha):
    """A hypothesis falls if Bonferroni refuses every set of hypotheses that it is in: the closed test, by its definition."""
    places = range(len(chances))
    sets = [one for size in range(1, len(chances) + 1) for one in combinations(places, size)]
    expected = [
        all(min(chances[i] for i in one) <= alpha / len(one) for one in sets if place in one) for place in places
    ]
    assert holm(chances, alpha).tolist() == expected


def watched(name="x", days=40, size=1_000, shares=(0.25, 0.25, 0.25, 0.25, 0.0, 0.0), seed=3):
    rng = np.random.default_rng(seed)
    series = Series(name, "number", edges=(1.0, 2.0, 3.0))
    return Watched(series, rng.multinomial(size, shares, days))


def one(counts, before):
    return compare({before.series.name: np.array(counts)}, {before.series.name: before})[0]


def test_a_day_like_the_others_has_not_drifted_however_many_transactions_it_has():
    for size in (100, 10_000, 1_000_000):
        assert one([size // 4] * 4 + [0, 0], watched()).drifted == ()


def test_a_small_change_is_significant_among_a_million_and_yet_no_drift():
    found = one([270_000, 250_000, 250_000, 230_000, 0, 0], watched(size=100_000))
    assert found.p < ALPHA and found.psi < PSI_LIMIT and found.drifted == ()


def test_a_large_change_among_few_is_not_significant_and_no_drift():
    found = one([13, 3, 3, 12, 0, 0], watched())
    assert found.psi > PSI_LIMIT and found.p > ALPHA and found.drifted == ()


def test_a_large_change_has_drifted_and_its_size_is_said():
    found = one([700, 100, 100, 100, 0, 0], watched())
    assert found.drifted == ("distribution",)
    assert found.moved == pytest.approx(0.45, abs=0.01)
    assert found.ks == pytest.approx(0.45, abs=0.01)


def test_what_is_missing_or_unknown_drifts_apart_from_the_distribution():
    share = SHARE_LIMIT * 2
    gone = int(1_000 * share)
    rest = [(1_000 - gone) // 4] * 4
    assert one([*rest, 0, gone], watched()).drifted == ("missing",)
    assert one([*rest, gone, 0], watched()).drifted == ("unknown values",)
    always = watched(shares=(0.2, 0.2, 0.2, 0.2, 0.0, 0.2))
    assert one([250] * 4 + [0, 0], always).drifted == ("missing",), "what is there again is a change, too"


def test_counts_of_a_whole_history_grow_by_themselves():
    assert "num_trans_category_all" in GROWING and "avg_amt_category_all" not in GROWING
    assert one([0, 0, 0, 1_000, 0, 0], watched("num_trans_category_all")).drifted == ()


def test_days_that_differ_by_themselves_set_the_limit():
    calm = watched()
    days = calm.days.copy()
    days[::7] = [400, 300, 200, 100, 0, 0]
    weekly = Watched(calm.series, days)
    assert one([400, 300, 200, 100, 0, 0], calm).drifted == ("distribution",)
    assert one([400, 300, 200, 100, 0, 0], weekly).drifted == ()
    assert one([900, 50, 30, 20, 0, 0], weekly).drifted == ("distribution",)


def test_of_few_values_nothing_is_said():
    assert one([20, 0, 0, 0, 0, 0], watched()).drifted == ()


def test_the_largest_difference_comes_first():
    both = {"a": watched("a"), "b": watched("b"), "c": watched("c")}
    counts = {"a": [400, 200, 200, 200, 0, 0], "b": [700, 100, 100, 100, 0, 0], "c": [250] * 4 + [0, 0]}
    found = compare({name: np.array(value) for name, value in counts.items()}, both)
    assert [each.name for each in found] == ["b", "a", "c"]
