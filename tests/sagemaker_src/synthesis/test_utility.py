"""Whether rows help a model: by resplits that let nothing through from the tested rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.bench import Bench, Trial
from sagemaker_src.synthesis.quality.judge import Judge, Sample
from sagemaker_src.synthesis.quality.resplits import at_random, by_time, moments
from sagemaker_src.synthesis.quality.utility import gain, utility
from sagemaker_src.synthesis.quality.values import fingerprints, plain
from tests.sagemaker_src.synthesis.made_up_frauds import Fresh, copies, honest, silent, table

TRIAL = Trial(resplits=4, rounds=25)


def measured(made: pd.DataFrame, **changed: Any) -> dict[str, Any]:
    world = table(80, 1200)
    given: dict[str, Any] = {"time": "when", "generator": None, "trial": TRIAL, "seed": 1, "progress": silent}
    return utility(world.rows, world.fraud, made, **{**given, **changed})


def test_resplits_by_time_never_train_on_a_row_that_is_later_than_one_tested_on() -> None:
    rng = np.random.default_rng(1)
    time, fraud = rng.integers(0, 500, 3000).astype(float), rng.random(3000) < 0.05
    resplits = by_time(time, fraud, np.arange(3000).astype(np.uint64), 8)
    assert len(resplits) == 8
    for each in resplits:
        assert time[each.train].max() < time[each.test].min()
        assert fraud[each.train].sum() >= 2
        assert fraud[each.test].sum() >= 2


@pytest.mark.parametrize("split", ["by_time", "random"])
def test_equal_rows_are_never_on_both_sides(split: str) -> None:
    rng = np.random.default_rng(1)
    same, fraud = rng.integers(0, 10_000, 3000).astype(np.uint64), rng.random(3000) < 0.05
    time = rng.random(3000)
    resplits = by_time(time, fraud, same, 8) if split == "by_time" else at_random(fraud, same, 8, 1)
    assert resplits
    for each in resplits:
        assert not set(same[each.train]) & set(same[each.test])


def test_equal_rows_have_equal_fingerprints_whatever_is_missing() -> None:
    rows = pd.DataFrame({"x": [0.0, -0.0, None, None, 1.0], "shop": ["a", "a", None, None, "b"]})
    found = fingerprints(plain(rows, rows)).tolist()
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found)) == 3


def test_random_resplits_test_a_fifth_of_the_frauds() -> None:
    fraud = np.arange(1000) < 50
    for each in at_random(fraud, np.arange(1000).astype(np.uint64), 8, 1):
        assert fraud[each.test].sum() == 10
        assert len(each.test) == 200


def test_the_interval_is_nadeaus_and_bengios() -> None:
    one, two = [0.5, 0.6, 0.7, 0.55], [0.52, 0.63, 0.69, 0.6]
    differences = np.subtract(two, one)
    reach = t.ppf(0.975, 3) * np.sqrt((1 / 4 + 0.25) * differences.var(ddof=1))
    found = gain(one, two, 0.25)
    assert found["mean"] == pytest.approx(differences.mean())
    assert found["low"] == pytest.approx(differences.mean() - reach)
    assert found["high"] == pytest.approx(differences.mean() + reach)
    assert gain([0.5], [0.6], 0.25)["low"] is None


@pytest.mark.slow
def test_a_generator_learns_each_resplits_training_frauds_and_no_other() -> None:
    made: list[Fresh] = []

    def new() -> Fresh:
        made.append(Fresh())
        return made[-1]

    world = table(80, 1200)
    found = measured(copies(world.fraud_rows, 80, 1), generator=new)
    assert len(made) == 8
    assert not found["seen_test_rows"]
    bench = Bench(world.rows, world.fraud, world.fraud_rows, "when", new, TRIAL, 1)
    resplits = [each for split in ("by_time", "random") for each in bench.resplits()[split]]
    for generator, resplit in zip(made, resplits, strict=True):
        learned, tested = generator.learned[0]["when"], world.rows["when"].iloc[resplit.test]
        assert len(learned) == world.fraud[resplit.train].sum()
        assert not set(learned) & set(tested)
    for generator, resplit in zip(made[:4], resplits[:4], strict=True):
        assert generator.learned[0]["when"].max() < world.rows["when"].iloc[resplit.test].min()


@pytest.mark.slow
def test_every_arm_is_measured_on_the_same_resplits() -> None:
    found = measured(table(80, 1200).fraud_rows)
    assert [each["name"] for each in found["arms"]] == ["without", "synthetic", "smote", "resampling", "class weights"]
    assert {len(each[split]) for each in found["arms"] for split in ("by_time", "random")} == {4}
    assert found["seen_test_rows"]
    without, synthetic = found["arms"][:2]
    mean = np.mean(np.subtract(synthetic["by_time"], without["by_time"]))
    stated = [each for each in found["gains"] if (each["arm"], each["split"]) == ("synthetic", "by_time")]
    assert stated[0]["mean"] == pytest.approx(mean)
    assert found["synthetic_for_real"]["real_average_precision"] == pytest.approx(np.mean(without["random"]))


@pytest.mark.slow
def test_honest_rows_that_are_called_frauds_harm() -> None:
    made = honest(600, 9)
    made.insert(0, "when", 0.0)
    found = measured(made)
    stated = [each for each in found["gains"] if (each["arm"], each["split"]) == ("synthetic", "by_time")]
    assert stated[0]["mean"] < -0.03


@pytest.mark.slow
def test_the_judge_sees_no_time_but_categories_and_missing_values() -> None:
    world = table(40, 400)
    bench = Bench(world.rows, world.fraud, world.fraud_rows, "when", None, TRIAL, 1)
    assert "when" not in bench.seen
    assert dict(zip(bench.seen, bench.judge.types, strict=True))["shop"] == "c"
    rows = pd.DataFrame({"shop": ["a", "b", None, "c"] * 50})
    judge = Judge(plain(rows, rows), 10)
    label = (rows["shop"].isna()).to_numpy(dtype=float)
    sample = Sample(judge.matrix(plain(rows, rows)), label, np.ones(200))
    assert judge.average_precision(sample, sample) == 1.0


def test_a_sample_of_the_honest_rows_weighs_as_much_as_all() -> None:
    world = table(40, 4000)
    bench = Bench(world.rows, world.fraud, world.fraud_rows, None, None, Trial(2, 5, 1000), 1)
    assert bench.fraud.sum() == 40
    assert 800 < (~bench.fraud).sum() < 1200
    assert bench.weight[~bench.fraud].sum() == pytest.approx(4000, rel=0.1)


def test_few_frauds_are_told_of() -> None:
    world = table(5, 200)
    found = utility(
        world.rows, world.fraud, world.fraud_rows, time="when", generator=None, trial=TRIAL, seed=1, progress=silent
    )
    assert found["gains"] == []
    assert found["not_measured"] == [{"what": "utility", "why": "the table has 5 frauds, 20 are needed"}]


def test_times_are_numbers_or_moments_and_never_missing() -> None:
    assert moments(pd.Series([2, 1])).tolist() == [2.0, 1.0]
    assert np.diff(moments(pd.Series(["2020-01-01", "2020-01-02"]))).tolist() == [86400.0]
    with pytest.raises(SynthesisError, match="1 rows have no time"):
        moments(pd.Series([1.0, None]))
    with pytest.raises(SynthesisError, match="time column"):
        moments(pd.Series(["soon"], name="when"))
    world = table(30, 200)
    with pytest.raises(SynthesisError, match="no column then; there are: when, v0"):
        Bench(world.rows, world.fraud, world.fraud_rows, "then", None, TRIAL, 1)
