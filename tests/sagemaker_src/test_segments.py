"""How sure the figures of an evaluation are: against scikit-learn and counting by hand, on rows made to be awkward."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_curve

from sagemaker_src.training.metrics import ranking_metrics
from sagemaker_src.training.resampling import STRICT, Ranking, drawn, interval
from sagemaker_src.training.segments import intervals, segments

DAY_MS = 86_400_000


def made_up(kind: str):
    """label, score, card of 3,000 rows."""
    random = np.random.default_rng(3)
    label = (random.random(3_000) < 0.05).astype(int)
    score = np.clip(random.normal(0.3 + 0.3 * label, 0.15), 0, 1).astype(np.float32)
    if kind == "ties":
        score = np.round(score, 1)
    if kind == "equal":
        score = np.full(3_000, 0.5, dtype=np.float32)
    if kind == "one card has all frauds":
        return label, score, np.where(label == 1, 0, 1 + random.integers(0, 60, 3_000))
    return label, score, random.integers(0, 60, 3_000)


def by_repetition(label, score, card, group, weight):
    """What the figures are, of the rows written out as often as their cards were drawn."""
    rows = np.repeat(np.arange(len(label)), weight[card])
    label, score, group = label[rows], score[rows], group[rows]
    found = [average_precision_score(label, score)]
    rate, _, thresholds = roc_curve(label, score, drop_intermediate=False)
    caught = score >= thresholds[np.flatnonzero(rate <= STRICT)[-1]]
    found.append(caught[label == 1].mean())
    for one in range(3):
        part = (label == 1) & (group == one)
        found.append(caught[part].mean() if part.any() else np.nan)
    return found


@pytest.mark.parametrize("kind", ["plain", "ties", "equal"])
def test_a_draws_figures_are_scikit_learns_of_the_rows_written_out(kind):
    label, score, card = made_up(kind)
    group = np.random.default_rng(4).integers(-1, 3, len(label))
    ranking = Ranking(label, score, card, group[None])
    random = np.random.default_rng(5)
    for weight in [np.ones(60, dtype=int), *(np.bincount(random.integers(0, 60, 60), minlength=60) for _ in range(8))]:
        expected = by_repetition(label, score, card, group, weight)
        assert ranking.figures(weight) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_all_rows_give_the_figures_of_the_evaluation():
    label, score, card = made_up("ties")
    figures = Ranking(label, score, card, np.full((1, len(label)), -1)).figures(np.ones(60, dtype=int))
    told = ranking_metrics(label, score, np.zeros(len(label), dtype=bool))
    assert figures[0] == pytest.approx(told["average_precision"], abs=1e-12)
    assert figures[1] == told["recall_at_fpr_0.001"]


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_kind_have_no_figures(label):
    score, card = np.linspace(0, 1, 50), np.arange(50)
    ranking = Ranking(np.full(50, label), score, card, np.zeros((1, 50), dtype=int))
    assert np.isnan(ranking.figures(np.ones(50, dtype=int))).all()
    assert interval(drawn([ranking], 50, resamples=5)[0, :, 0]) == (None, None, None)


def test_draws_without_a_fraud_are_left_out():
    label, score, card = made_up("one card has all frauds")
    figures = drawn([Ranking(label, score, card, np.full((1, len(label)), -1))], 61, resamples=100)[0, :, 0]
    assert 20 <= np.isnan(figures).sum() <= 55
    found = interval(figures)
    assert found.low <= found.value <= found.high


def test_two_models_are_judged_on_the_same_draws():
    label, score, card = made_up("plain")
    none = np.full((1, len(label)), -1)
    same, other = (Ranking(label, each, card, none) for each in (score, score * np.float32(0.5)))
    one, two = drawn([same, other], 60, resamples=30)
    assert (one == two)[~np.isnan(one)].all()
    assert interval(one[:, 0]).low < interval(one[:, 0]).high


def test_the_interval_of_dependent_rows_is_wider_than_that_of_rows_one_by_one():
    label, score, _ = made_up("plain")
    order = np.argsort(-score)
    bursts = np.empty(len(label), dtype=int)
    bursts[order] = np.arange(len(label)) // 100
    none = np.full((1, len(label)), -1)
    of_cards = interval(drawn([Ranking(label, score, bursts, none)], 30)[0, :, 0])
    of_rows = interval(drawn([Ranking(label, score, np.arange(len(label)), none)], len(label))[0, :, 0])
    assert of_cards.high - of_cards.low > 1.3 * (of_rows.high - of_rows.low)


def test_each_row_is_in_its_segments():
    day = [0, 3, 9, 12, 40]
    rows = pd.DataFrame(
        {
            "transaction_id": list("abcde"),
            "cc_num": ["1"] * 5,
            "category": ["home", "travel", None, "home", "home"],
            "event_ms": [number * DAY_MS + number % 4 * DAY_MS // 4 for number in day],
            "amount_cents": [999, 1_000, 99_999, 100_000, 5],
            "is_fraud": [0, 1, 1, 0, 1],
            "entry_mode": ["chip", None, "chip", "chip", "chip"],
        }
    )
    found = {name: list(groups) for name, groups in segments(rows, rows).items()}
    assert found == {
        "category": ["home", "travel", "missing", "home", "home"],
        "amount": ["below 10", "10 to 100", "100 to 1,000", "from 1,000", "below 10"],
        "hour_utc": ["00 to 06", "18 to 24", "06 to 12", "00 to 06", "00 to 06"],
        "card": ["new", "new", "known", "known", "known"],
        "burst": [None, "first fraud", "later fraud", None, "first fraud"],
        "entry_mode": ["chip", "missing", "chip", "chip", "chip"],
    }
    assert "entry_mode" not in segments(rows.drop(columns="entry_mode"), rows)
    assert segments(rows[3:], rows)["card"].tolist() == ["known", "known"]


def test_a_model_that_is_blind_in_a_category_is_told_by_that_category():
    label, score, card = made_up("plain")
    score = np.where(label == 1, 0.9, 0.1) + score / 100
    rows = pd.DataFrame(
        {
            "transaction_id": [f"t{number}" for number in range(len(label))],
            "cc_num": card.astype(str),
            "category": np.where(np.arange(len(label)) % 3 == 0, "travel", "home"),
            "event_ms": np.arange(len(label)) * 600_000,
            "amount_cents": 5_000,
            "is_fraud": label,
        }
    )
    blind = np.where((rows["category"] == "travel") & (label == 1), 0.05, score)
    told = intervals(rows, rows, blind, score)
    found = {(each["segment"], each["group"]): each for each in told["difference"]["segments"]}
    assert found["category", "travel"]["high"] == found["category", "travel"]["value"] == -1.0
    assert found["category", "home"]["low"] == found["category", "home"]["value"] == 0.0
    assert found["category", "travel"]["frauds"] == int(label[rows["category"] == "travel"].sum())
    assert told["difference"]["average_precision"]["high"] < 0
    assert intervals(rows, rows, score, None)["difference"] is None
    assert intervals(rows, rows, blind, score) == told
