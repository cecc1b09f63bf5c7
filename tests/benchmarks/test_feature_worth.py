"""What features are worth: which sets are fitted, what a record's bytes are, and what the page on features shows of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.feature_worth import COMMAND, WITHOUT_CARDS, keep, left_out, steps, stored_bytes
from fraud.features.catalogue import CATALOGUE, names
from fraud.features.nightly import CardRecord
from fraud.vector import FEATURE_NAMES, MODEL_FEATURES
from tools import readme

NO_MODELS = set(FEATURE_NAMES) - set(MODEL_FEATURES)


def test_without_a_window_its_features_and_all_that_is_derived_of_them_are_gone() -> None:
    (_, whole), *others = left_out()
    gone = {says.removeprefix("without "): set(whole) - set(features) for says, features in others}
    assert not NO_MODELS & set(whole)
    assert gone["the habit of 1w by cc_num"] == {
        "num_trans_last_1w", "avg_amt_last_1w", "amt_ratio1", "amt_ratio2", "count_ratio",
    }  # fmt: skip
    # derived of what is derived, and of what no new model takes itself
    assert "amt_over_others_last_1d" in gone["the window of 1d by cc_num"]
    assert gone["the habit of all by cc_num"] == {"category_share", "hour_share"}
    assert "the habit of 30d by category" not in gone


def test_the_ladder_ends_with_what_no_new_model_takes() -> None:
    (_, taken), (_, every) = steps()[-2:]
    assert set(every) - set(taken) == NO_MODELS


def test_bytes_are_those_of_names_and_values() -> None:
    stream = [[{"FeatureName": name, "ValueAsString": text} for name, text in record] for record in (
        [("cc_num", "c" * 32), ("num_trans_last_1h", "12")], [("cc_num", "d"), ("num_trans_last_1h", "1"), ("x", "5")],
    )]  # fmt: skip
    card = CardRecord(0, {"num_trans_all": 7}, {"num_trans_hour_all": {"3": 2}})
    whole = dict.fromkeys(names(CATALOGUE.card_features))
    cards = {"c": card._replace(features=whole | card.features)}
    found = stored_bytes(stream, cards, {"avg_amt_population_30d": {"travel": 7.5}})
    assert found == {
        "num_trans_last_1h": 18.5, "x": 2.0, "num_trans_all": 14.0, "num_trans_hour_all": 7.0, "avg_amt_population_30d": 14.0,
    }  # fmt: skip


def test_what_is_kept_is_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measures = {"average_precision": 0.5, "recall_at_fpr_0.001": 0.25, "first_fraud_recall_at_fpr_0.001": 0.125}
    row = {"count": 1, **measures, WITHOUT_CARDS: measures, "gain": {"amount": 0.75}}
    found = [
        row | {"features": "all"},
        row | {"features": "without the window of 1h by cc_num", "average_precision": 0.4},
    ]
    keep(found, {"num_trans_last_1h": 18.5}, "some rows", tmp_path / "kept.json")
    monkeypatch.setattr(readme, "MEASURED", json.loads((tmp_path / "kept.json").read_text()))
    worth, features = readme.worth_table(), readme.features_table()
    assert f"by `{COMMAND}` on some rows; average precision with all: 0.5000" in worth
    assert "| the window of 1h by cc_num | 0.4000 (-0.1000) | 0.2500 | 0.1250 |" in worth
    assert "| the window of 1d by cc_num | not measured | | |" in worth
    assert "| `amount_cents / 100` | missing | 75.0% | none |" in features
    assert "| never: counts itself | not measured | 18 |" in features
    assert "| no new model takes it | none |" in features
