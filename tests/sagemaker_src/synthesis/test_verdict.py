"""The verdict: from intervals and limits, in words; and the whole evaluation, from tables to `quality.json`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.evaluation import Effort, evaluate
from sagemaker_src.synthesis.quality.verdict import Limits, judge
from tests.sagemaker_src.synthesis.made_up_frauds import Fresh, copies, frauds, honest, silent, table

SMALL = Effort(rounds=25, trees=15, draws=1, attacks=40)


def utility(low: float, mean: float, high: float, *, seen: bool = False, over: float = 0.01) -> dict[str, Any]:
    return {
        "arms": [{"name": name, "by_time": [0.5] * 8, "random": []} for name in ("without", "synthetic", "resampling")],
        "gains": [
            {"arm": "synthetic", "split": "by_time", "mean": mean, "low": low, "high": high},
            {"arm": "resampling", "split": "by_time", "mean": 0.004, "low": -0.01, "high": 0.02},
        ],
        "over_baselines": [{"baseline": "resampling", "split": "by_time", "mean": over, "low": over, "high": over}],
        "seen_test_rows": seen,
    }


@pytest.mark.parametrize(
    ("low", "mean", "high", "helps", "words"),
    [
        (0.001, 0.02, 0.04, "yes", "It helps here"),
        (-0.001, 0.02, 0.04, "no", "It does not help here"),
        (0.0, 0.0, 0.0, "no", "no gain was shown"),
        (-0.004, -0.002, -0.001, "harms", "It harms here"),
        (-0.05, -0.006, 0.04, "harms", "Do not train with them"),
        (-0.2, 0.02, 0.24, "unclear", "too wide to say"),
        (-0.9, -0.02, 0.86, "unclear", "too wide to say"),
        (-0.9, -0.2, 0.5, "harms", "It harms here"),
    ],
)
def test_it_helps_only_where_the_whole_interval_says_so(
    low: float, mean: float, high: float, helps: str, words: str
) -> None:
    verdict = judge({"utility": utility(low, mean, high)}, Limits())
    assert (verdict.helps, verdict.gain, verdict.low, verdict.high) == (helps, mean, low, high)
    assert words in verdict.sentences[0]
    assert f"{mean:+.3f} (95% interval {low:+.3f} to {high:+.3f}) over 8 resplits" in verdict.sentences[0]


def test_an_upper_bound_shows_no_help() -> None:
    verdict = judge({"utility": utility(0.01, 0.02, 0.03, seen=True)}, Limits())
    assert verdict.helps == "unclear"
    assert any("upper bound" in each for each in verdict.sentences[1:])


def test_what_costs_less_stands_beside_it() -> None:
    better = judge({"utility": utility(0.01, 0.02, 0.03)}, Limits()).sentences
    assert "repeating the known frauds +0.004" in better[1]
    assert better[2] == "It gains more than each of them."
    equal = judge({"utility": utility(0.01, 0.02, 0.03, over=0.0)}, Limits()).sentences
    assert "not shown to be better than repeating the known frauds" in equal[2]


def test_a_gain_over_random_splits_does_not_outweigh_a_loss_over_time() -> None:
    measured = utility(-0.03, -0.02, -0.01)
    measured["gains"].insert(0, {"arm": "synthetic", "split": "random", "mean": 0.1, "low": 0.05, "high": 0.15})
    assert judge({"utility": measured}, Limits()).helps == "harms"


def test_what_was_not_measured_is_neither_kept_nor_safe() -> None:
    verdict = judge({}, Limits())
    assert verdict.helps == "unclear"
    assert not verdict.safe
    assert not verdict.passed
    assert {each.value for each in verdict.limits} == {None}
    assert not any(each.kept for each in verdict.limits)


def sound(**changed: Any) -> dict[str, Any]:
    privacy = {
        "exact_copies": 0,
        "distance_to_closest": {"synthetic": {"median": 1.0}, "held_out": {"median": 1.0}},
        "adversarial_accuracy": {"loss": 0.0},
        "membership_auc": 0.5,
        "singling_out": {"univariate": {"risk": 0.0}, "multivariate": {"risk": 0.0}},
        "linkability": {"risk": 0.0},
        **changed,
    }
    alike = {"two_sample_auc": 0.6, "mean_ks": 0.1, "floor_ks": 0.1}
    return {"privacy": privacy, "fidelity": alike, "utility": utility(0.01, 0.02, 0.03)}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"exact_copies": 1}, "exact_copies"),
        ({"distance_to_closest": {"synthetic": {"median": 0.7}, "held_out": {"median": 1.0}}}, "closest_ratio"),
        ({"adversarial_accuracy": {"loss": 0.11}}, "adversarial_loss"),
        ({"membership_auc": 0.61}, "membership_auc"),
        ({"singling_out": {"univariate": {"risk": 0.0}, "multivariate": {"risk": 0.2}}}, "singling_out"),
        ({"singling_out": {"univariate": {"risk": 0.0}, "multivariate": None}}, "singling_out"),
        ({"linkability": {"risk": 0.2}}, "linkability"),
        ({"linkability": None}, "linkability"),
    ],
)
def test_each_limit_of_privacy_alone_makes_it_unsafe(changed: dict[str, Any], name: str) -> None:
    assert judge(sound(), Limits()).safe
    assert judge(sound(), Limits()).passed
    verdict = judge(sound(**changed), Limits())
    assert not verdict.safe
    assert [each.name for each in verdict.limits if not each.kept] == [name]
    assert verdict.sentences[-1].startswith("It is not ")


@pytest.mark.parametrize(
    ("name", "value"), [("two_sample_auc", 0.4), ("ks_ratio", 0.9), ("least_gain", 2), ("linkability", -1)]
)
def test_a_limit_outside_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(SynthesisError, match=f"{name}: {value}; allowed: "):
        Limits(**{name: value})


def evaluated(made: pd.DataFrame, **changed: Any) -> dict[str, Any]:
    world = table(120, 1500)
    trained = np.arange(120) % 4 != 0
    given: dict[str, Any] = {
        "trained": trained, "time": "when", "generator": None, "resplits": 4, "limits": Limits(), "seed": 1,
        "progress": silent, "effort": SMALL,
    }  # fmt: skip
    return evaluate(world, made, **{**given, **changed})


def learned() -> pd.DataFrame:
    return table(120, 1500).fraud_rows[np.arange(120) % 4 != 0].reset_index(drop=True)


@pytest.mark.slow
def test_copies_bring_no_gain_and_are_not_safe() -> None:
    found = evaluated(copies(learned(), 120, 1))["verdict"]
    assert found["helps"] == "no"
    assert "120 of 120 rows are copies of known frauds" in found["sentences"][0]
    assert not found["safe"]


@pytest.mark.slow
def test_noise_harms() -> None:
    made = honest(600, 9)
    made.insert(0, "when", 0.0)
    found = evaluated(made)["verdict"]
    assert found["helps"] == "harms"
    assert "It harms here" in found["sentences"][0]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_json_and_json_alone() -> None:
    made = frauds(150, 5)
    made.insert(0, "when", np.linspace(0, 90_000, 150))
    one, two = (json.dumps(evaluated(made, generator=Fresh), allow_nan=False) for _ in range(2))
    assert one == two
    found = json.loads(one)
    assert set(found) == {"rows", "fidelity", "privacy", "utility", "verdict"}
    assert found["rows"] == {"real_fraud": 120, "trained": 90, "held_out": 30, "honest": 1500, "synthetic": 150}
    assert found["privacy"]["exact_copies"] == 0
    assert not found["utility"]["seen_test_rows"]


@pytest.mark.slow
def test_five_frauds_give_a_clear_outcome() -> None:
    world = table(5, 100)
    found = evaluate(
        world, world.fraud_rows, trained=np.arange(5) > 0, time="when", generator=Fresh, limits=Limits(), seed=1,
        progress=silent, effort=SMALL,
    )  # fmt: skip
    json.dumps(found, allow_nan=False)
    assert found["verdict"]["helps"] == "unclear"
    assert "the table has 5 frauds, 20 are needed" in found["verdict"]["sentences"][0]
    assert not found["verdict"]["safe"]


def test_no_rows_and_marks_for_other_rows_are_refused() -> None:
    with pytest.raises(SynthesisError, match="no synthetic rows"):
        evaluated(learned()[:0])
    with pytest.raises(SynthesisError, match="3 marks of what was learned for 120 real frauds"):
        evaluated(learned(), trained=np.ones(3, dtype=bool))
