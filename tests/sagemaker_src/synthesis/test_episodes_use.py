"""The use of grafted attacks is measured on real later fraud of other cards, and what is not known is not trained on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from fraud.world import WorldSettings, generate, tokenised
from sagemaker_src.synthesis import episodes_quality as episodes_quality_module
from sagemaker_src.synthesis.episodes_quality import episodes_quality, most_known
from sagemaker_src.synthesis.episodes_use import ARMS, MEASURES, WITHOUT, Trial, Use, gains
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.fidelity import fidelity
from sagemaker_src.synthesis.quality.utility import gain
from sagemaker_src.synthesis.quality.verdict import Limits

DAY = 86_400_000
TRIAL = Trial(known=8, episodes=20, cards=60, resplits=2, rounds=8, honest_rows=3_000)


@pytest.fixture(scope="module")
def world() -> pa.Table:
    return tokenised(generate(WorldSettings(cards=220, days=30, fraud_rate=0.03, seed=2)), b"0123456789abcdef")


@pytest.fixture(scope="module")
def moment(world: pa.Table) -> int:
    return int(world["event_time"].cast(pa.int64()).to_numpy().min()) // DAY * DAY + 20 * DAY


@pytest.fixture(scope="module")
def use(world: pa.Table, moment: int) -> Use:
    return Use(world, moment, TRIAL, seed=3)


def test_it_trains_on_the_known_attacks_and_honest_cards_before_the_test(use: Use, moment: int) -> None:
    rng = np.random.default_rng(5)
    tested = rng.random(len(use.ledger.cards)) < TRIAL.tested
    rows = use._train_rows(rng, tested)
    ledger, runs = use.ledger, use.runs
    assert ledger.time_ms[rows].max() < moment
    assert not tested[ledger.card[rows]].any()
    whole = [bool(rows[runs.row[runs.run == run]].all()) for run in range(runs.count)]
    part = [bool(rows[runs.row[runs.run == run]].any()) for run in range(runs.count)]
    assert whole == part and sum(whole) == TRIAL.known
    struck = np.unique(ledger.card[ledger.fraud & use.before])
    victims = np.unique(ledger.card[ledger.fraud & rows])
    assert set(np.unique(ledger.card[rows])) & set(struck) == set(victims)
    # Of a known card every honest row before the test is there, of its attacks the known ones alone.
    of_victims = np.isin(ledger.card, victims) & use.before & ~ledger.fraud
    assert rows[of_victims].all()


@pytest.mark.slow
def test_every_arm_is_measured_the_same_way_each_time(use: Use) -> None:
    scores = use.scores(0)
    assert tuple(scores) == ARMS
    for found in scores.values():
        assert set(found) == {measure + cards for measure in MEASURES for cards in ("", WITHOUT)}
        assert all(0 <= float(value) <= 1 for value in found.values() if value is not None)
    assert use.scores(0) == scores
    assert use.scores(1) != scores


def test_gains_are_the_corrected_interval_of_paired_differences() -> None:
    scores = [
        {arm: {"average_precision": base + place * step} for place, arm in enumerate(ARMS)}
        for base, step in ((0.5, 0.01), (0.6, 0.02), (0.4, 0.03))
    ]
    found = gains(scores, "average_precision", tested=0.2)
    assert found["episodes"] == pytest.approx(gain([0.5, 0.6, 0.4], [0.51, 0.62, 0.43], 0.25))
    assert set(found) == set(ARMS[1:])
    assert found["episodes"]["mean"] == pytest.approx(0.02)


def test_more_attacks_than_there_are_are_refused(world: pa.Table, moment: int) -> None:
    most = most_known(world, moment)
    assert most >= TRIAL.known
    with pytest.raises(SynthesisError, match="5000 known attacks; allowed: at most"):
        Use(world, moment, Trial(known=5_000), seed=1)
    with pytest.raises(SynthesisError, match="no fraud from the test's start on"):
        Use(world, moment + 400 * DAY, TRIAL, seed=1)


@pytest.mark.slow
def test_the_verdict_says_what_it_rests_on(world: pa.Table, moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # How the attacks on privacy and the tell-apart work is tested where they stand; here a few trees do.
    monkeypatch.setattr(episodes_quality_module, "attacks", lambda *_, **__: {"not_measured": []})
    monkeypatch.setattr(episodes_quality_module, "fidelity", partial(fidelity, trees=5, draws=1))
    quality = episodes_quality(world, moment, TRIAL, limits=Limits(), seed=1, progress=lambda *_: None, most_attacks=10)
    utility, verdict = quality["utility"], quality["verdict"]
    assert [len(arm["by_time"]) for arm in utility["arms"]] == [TRIAL.resplits] * len(ARMS)
    grafted = next(each for each in utility["gains"] if each["arm"] == "grafted attacks")
    assert (verdict["gain"], verdict["low"], verdict["high"]) == (grafted["mean"], grafted["low"], grafted["high"])
    assert quality["privacy"]["exact_copies"] == 0
    assert {each["name"] for each in verdict["limits"]} >= {"two_sample_auc", "least_gain", "exact_copies"}
    assert "with grafted attacks" in verdict["sentences"][0]
