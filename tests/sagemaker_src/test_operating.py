"""Figures at thresholds, of cards a day, and of calibration: those of scikit-learn, or of a loop written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve

from fraud.durations import MS_PER_DAY
from sagemaker_src.training.operating import at_thresholds, calibration, card_precision

RANDOM = np.random.default_rng(1)
SCORES = {
    "drawn": RANDOM.random(3_000),
    "tied": RANDOM.random(3_000).round(1),
    "single precision": RANDOM.random(3_000).astype(np.float32),
    "equal": np.full(3_000, 0.5),
    "sure": RANDOM.integers(0, 2, 3_000).astype(float),
}
LABELS = {"some": (RANDOM.random(3_000) < 0.05).astype(int), "even": RANDOM.integers(0, 2, 3_000)}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_figures_are_scikit_learns(label: NDArray, score: NDArray) -> None:
    for threshold in (0.0, 0.3, 0.5, 1.0):
        flagged = score >= threshold
        told = at_thresholds(label, score, {"review": threshold})["review"]
        assert told["flagged"] == flagged.sum()
        if flagged.any():
            assert told["precision"] == pytest.approx(theirs.precision_score(label, flagged))
        assert told["recall"] == pytest.approx(theirs.recall_score(label, flagged))
        assert told["f1"] == pytest.approx(theirs.f1_score(label, flagged))
    told = calibration(label, score)
    assert told["brier"] == pytest.approx(theirs.brier_score_loss(label, score))
    if len(np.unique(score)) > 2:
        assert told["log_loss"] == pytest.approx(theirs.log_loss(label, score.astype(float)))
    fraud, said = calibration_curve(label, score.astype(float), n_bins=10)
    assert [each["fraud"] for each in told["table"]] == pytest.approx(fraud)
    assert [each["score"] for each in told["table"]] == pytest.approx(said)
    assert sum(each["rows"] for each in told["table"]) == len(label)
    off = sum(each["rows"] * abs(each["score"] - each["fraud"]) for each in told["table"]) / len(label)
    assert told["error"] == pytest.approx(off)


def test_where_there_is_nothing_to_compute_from_there_is_no_figure() -> None:
    none, one = np.empty(0, int), np.array([0])
    assert at_thresholds(one, np.array([0.2]), {"block": np.inf})["block"] == {
        "threshold": None, "flagged": 0, "precision": None, "recall": None, "f1": None,
    }  # fmt: skip
    assert calibration(none, np.empty(0))["brier"] is None
    rows = pd.DataFrame({"cc_num": [], "event_ms": [], "is_fraud": []})
    assert card_precision(rows, np.empty(0))["value"] is None


def made(count: int) -> tuple[pd.DataFrame, NDArray]:
    random = np.random.default_rng(3)
    rows = pd.DataFrame({
        "cc_num": [f"{card:032x}" for card in random.integers(0, 12, count)],
        "event_ms": random.integers(100, 106, count) * MS_PER_DAY + random.integers(0, MS_PER_DAY, count),
        "is_fraud": (random.random(count) < 0.15).astype(int),
    })  # fmt: skip
    return rows, random.random(count).round(1)


def naive(rows: pd.DataFrame, score: NDArray, known: set[str], most: int) -> float:
    every = list(zip(rows.to_dict("records"), score.tolist(), strict=True))
    found, precisions = set(known), []
    for day in sorted({row["event_ms"] // MS_PER_DAY for row, _ in every}):
        highest: dict[str, float] = {}
        compromised = set()
        for row, value in every:
            if row["event_ms"] // MS_PER_DAY == day and row["cc_num"] not in found:
                highest[row["cc_num"]] = max(value, highest.get(row["cc_num"], 0.0))
                compromised |= {row["cc_num"]} if row["is_fraud"] else set()
        first = sorted(highest, key=lambda card: (-highest[card], card))[:most]
        precisions.append(sum(card in compromised for card in first) / most)
        found |= {card for card in first if card in compromised}
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("known", [(), ("0" * 31 + "3", "0" * 31 + "a")])
def test_card_precision_is_a_loop_written_out(most: int, known: tuple[str, ...]) -> None:
    rows, score = made(300)
    told = card_precision(rows, score, pd.Series(known, dtype=object), most)
    assert told["value"] == pytest.approx(naive(rows, score, set(known), most))
    assert told["best"] == pytest.approx(naive(rows, rows["is_fraud"].to_numpy(), set(known), most))
    assert (told["days"], told["cards_a_day"]) == (6, most)


def test_a_day_of_which_every_card_is_known_counts_as_one_without_finds() -> None:
    rows = pd.DataFrame({"cc_num": ["a", "b"], "event_ms": [0, MS_PER_DAY], "is_fraud": [1, 1]})
    assert card_precision(rows, np.array([0.9, 0.9]), pd.Series(["b"]), 1)["value"] == 0.5
