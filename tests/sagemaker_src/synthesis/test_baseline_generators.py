"""The baselines: what holds for each of them, and what each is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import load_generator, new_generator
from tests.sagemaker_src.synthesis.generator_properties import (
    Make,
    check_rows,
    check_saving,
    check_seeds,
    digests_with_threads,
    fitted,
)
from tests.sagemaker_src.synthesis.random_tables import ODD, frauds, tables

BASELINES = ("copula", "smote", "resampling")


@pytest.fixture(params=BASELINES, scope="module")
def make(request: pytest.FixtureRequest) -> Make:
    return lambda: new_generator(request.param)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=tables(most_rows=25))
def test_any_table_gives_as_many_rows_like_its_own(make: Make, rows: pd.DataFrame) -> None:
    check_rows(make, rows)


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_table_gives_as_many_rows_like_its_own(make: Make, odd: str) -> None:
    check_rows(make, ODD[odd], counts=(0, 1, 500))


def test_the_same_seed_gives_the_same_bytes(make: Make) -> None:
    check_seeds(make, frauds(60))


@pytest.mark.parametrize("odd", ["as many as there are rows", "one row", "all constant", "constant or missing"])
def test_a_saved_generator_samples_the_same_rows(make: Make, odd: str) -> None:
    check_saving(make, ODD[odd])


@pytest.mark.slow
def test_the_number_of_threads_changes_no_byte() -> None:
    kinds = {kind: {} for kind in BASELINES}
    assert digests_with_threads(kinds, frauds(400), 1) == digests_with_threads(kinds, frauds(400), 2)


def test_more_rows_than_are_drawn_at_once(make: Make) -> None:
    made = fitted(make, frauds(30)).sample(70_000, 5)
    assert len(made) == 70_000
    assert (
        not made["v1"].iloc[:4000].reset_index(drop=True).equals(made["v1"].iloc[65_536:69_536].reset_index(drop=True))
    )


def test_every_row_is_learned(make: Make) -> None:
    rows = frauds(60).assign(shop=[f"shop {number}" for number in range(60)])
    assert set(fitted(make, rows).sample(4000, 5)["shop"]) == set(rows["shop"])


def test_progress_is_told(make: Make) -> None:
    told: list[tuple[str, int, int]] = []
    make().fit(frauds(20), seed=1, progress=lambda *step: told.append(step))
    assert told[-1][1] == told[-1][2] == 20


def test_what_cannot_be_sampled_is_refused(make: Make, tmp_path) -> None:
    generator = make()
    with pytest.raises(SynthesisError, match="learned nothing yet"):
        generator.sample(1, 1)
    with pytest.raises(SynthesisError, match="learned nothing yet"):
        generator.save(tmp_path)
    with pytest.raises(SynthesisError, match="0 rows x 12 columns"):
        fitted(make, frauds(20).iloc[:0])
    generator = fitted(make, frauds(20))
    with pytest.raises(SynthesisError, match="rows: -1 is negative"):
        generator.sample(-1, 1)
    with pytest.raises(SynthesisError, match="seed: -1 is negative"):
        generator.sample(1, -1)


@pytest.mark.parametrize("broken", ["transform.json", "arrays.npz"])
def test_a_broken_folder_says_so(make: Make, tmp_path, broken: str) -> None:
    fitted(make, frauds(20)).save(tmp_path)
    (tmp_path / broken).write_bytes((tmp_path / broken).read_bytes()[:50])
    with pytest.raises(SynthesisError, match="fit it again"):
        load_generator(tmp_path)


def test_resampling_copies_whole_rows() -> None:
    rows = frauds(40)
    made = fitted(lambda: new_generator("resampling"), rows).sample(500, 5)
    assert set(map(str, made.itertuples(index=False))) == set(map(str, rows.itertuples(index=False)))


@pytest.mark.parametrize("kind", ["copula", "smote"])
def test_others_copy_none(kind: str) -> None:
    rows = frauds(100)[["amount", "v1", "v2", "v3", "shop"]]
    made = fitted(lambda: new_generator(kind), rows).sample(5000, 5)
    assert not set(map(str, made.itertuples(index=False))) & set(map(str, rows.itertuples(index=False)))


def test_the_copula_keeps_each_columns_distribution() -> None:
    rows = frauds(500)
    made = fitted(lambda: new_generator("copula"), rows).sample(50_000, 5)
    for name, value in (("amount", 1.0), ("amount", 99.99), ("zeros", 0.0), ("shop", "web"), ("present", True)):
        assert (made[name] == value).mean() == pytest.approx((rows[name] == value).mean(), abs=0.01)
    for name in ("tries", "v2", "shop"):
        assert made[name].isna().mean() == pytest.approx(rows[name].isna().mean(), abs=0.01)
    for quantile in (0.1, 0.5, 0.9):
        assert made["v1"].quantile(quantile) == pytest.approx(rows["v1"].quantile(quantile), abs=0.05)


def test_the_copula_keeps_correlations_also_of_values_that_are_often_missing() -> None:
    rows = frauds(500)[["v1", "v2", "v3"]]
    made = fitted(lambda: new_generator("copula"), rows).sample(50_000, 5)
    assert made["v1"].corr(made["v2"]) == pytest.approx(rows["v1"].corr(rows["v2"]), abs=0.04)
    assert abs(made["v1"].corr(made["v3"])) < 0.1


def test_the_copula_keeps_what_goes_with_a_category() -> None:
    rows = pd.DataFrame(
        {"v": np.r_[np.linspace(-3, -1, 100), np.linspace(1, 3, 300)], "shop": ["a"] * 100 + ["b"] * 300}
    )
    made = fitted(lambda: new_generator("copula"), rows).sample(20_000, 5)
    assert made[made["shop"] == "b"]["v"].mean() > made[made["shop"] == "a"]["v"].mean() + 1


def test_the_copula_believes_few_rows_less() -> None:
    rows = pd.DataFrame({"a": [1.0, 2.5, 3.25, 4.125], "b": [1.0, 3.5, 2.25, 4.125]})
    many = pd.concat([rows] * 100, ignore_index=True)
    few_made, many_made = (fitted(lambda: new_generator("copula"), each).sample(20_000, 5) for each in (rows, many))
    assert few_made.corr(method="spearman").iloc[0, 1] < many_made.corr(method="spearman").iloc[0, 1] - 0.1


def test_smote_stays_between_neighbours() -> None:
    """Two far groups of rows: nothing is made up between them, nor a category taken from the other."""
    rows = pd.DataFrame(
        {"v": np.r_[np.linspace(0, 1, 20), np.linspace(9, 10, 20)], "w": np.r_[np.linspace(5, 6, 20)].repeat(2)}
    )
    rows["shop"] = ["a"] * 20 + ["b"] * 20
    made = fitted(lambda: new_generator("smote", neighbours=3), rows).sample(3000, 5)
    assert ((made["v"] <= 1) | (made["v"] >= 9)).all()
    assert ((made["shop"] == "a") == (made["v"] <= 1)).all()
    assert made["v"].nunique() > 1000


def test_smote_takes_the_value_of_the_end_that_has_one() -> None:
    rows = pd.DataFrame({"v": [7.5, 8.25, np.nan, np.nan], "w": [0.0, 0.5, 1.25, 2.0]})
    made = fitted(lambda: new_generator("smote"), rows).sample(2000, 5)
    ends = made["v"].dropna()
    assert ends.isin([7.5, 8.25]).mean() > 0.4, "where the other end is missing, the value is this end's own"
    assert 0.3 < made["v"].isna().mean() < 0.7


def test_smote_refuses_less_than_one_neighbour() -> None:
    with pytest.raises(SynthesisError, match="neighbours: 0 is too few"):
        new_generator("smote", neighbours=0)
