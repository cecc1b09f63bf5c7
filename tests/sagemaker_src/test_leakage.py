"""Features that give the fraud away: which are found, and what a model is worth without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.table import Table, train_table
from sagemaker_src.training.train import train_model
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

FEW = TrainingSettings(rounds=20, label_delay_days=0)


def table(leak: str, rows: int = 4_000) -> Table:
    """Rows with an honest column, one of noise and, by `leak`, one that gives the label away."""
    draw = np.random.default_rng(5)
    label = (draw.random(rows) < 0.05).astype("int8")
    columns = {"honest": draw.normal(size=rows) + 1.5 * label, "noise": draw.normal(size=rows)}
    leaks = {
        "none": {},
        "number": {"charged_back": np.where(label == 1, 1.0, np.nan)},
        "text": {"state": np.where(label == 1, "disputed", draw.choice(["paid", "open"], rows))},
        "middle": {"days": np.where(label == 1, 50 + draw.random(rows), draw.choice([0.0, 100.0], rows))},
    }
    return Table(pd.DataFrame({**columns, **leaks[leak]}), label, pd.Series(range(rows)))


@pytest.mark.parametrize(("leak", "name"), [("number", "charged_back"), ("text", "state"), ("middle", "days")])
def test_a_feature_that_ranks_the_test_alone_is_found_and_the_model_tested_without_it(leak: str, name: str) -> None:
    said: list[tuple[str, int, int]] = []
    trained = train_table(table(leak), FEW, lambda *each: said.append(each), without_dominant=True)
    found = trained.manifest["leakage"]
    assert found["alone"][name]["roc_auc"] == pytest.approx(1) == found["alone"][name]["average_precision"]
    assert found["without"]["features"] == [name]
    # to the last figure that of a model of the table that never had it
    less = table(leak)
    fewer = train_table(Table(less.columns.drop(columns=name), less.label, less.order), FEW)
    assert found["without"]["test"] == fewer.manifest["metrics"]["test"]
    assert (
        found["without"]["test"]["average_precision"] < trained.manifest["metrics"]["test"]["average_precision"] - 0.3
    )
    assert (f"fitting without {name}", FEW.rounds, FEW.rounds) in said


def test_nothing_is_fitted_again_where_it_is_not_asked_for() -> None:
    said: list[str] = []
    found = train_table(table("number"), FEW, lambda what, *_: said.append(what)).manifest["leakage"]
    assert found["without"] is None
    assert set(said) == {"choosing thresholds", "fitting the model"}


def test_without_a_suspect_nothing_is_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagemaker_src.training.leakage.DOMINATES", 1.0)
    found = train_table(table("none"), FEW, without_dominant=True).manifest["leakage"]
    assert found["without"] is None
    assert set(found["alone"]) == {"honest", "noise"}
    assert 0.4 < found["alone"]["noise"]["roc_auc"] < 0.6 < found["alone"]["honest"]["roc_auc"] < 0.95


def test_of_one_column_there_is_no_model_without_it() -> None:
    whole = table("number")
    one = Table(whole.columns[["charged_back"]], whole.label, whole.order)
    assert train_table(one, FEW, without_dominant=True).manifest["leakage"]["without"] is None


@pytest.mark.slow
def test_transactions_are_tested_without_it_and_the_model_is_the_same() -> None:
    made: list[Any] = [
        train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM, without_dominant=each) for each in (False, True)
    ]
    assert made[0].manifest["model_version"] == made[1].manifest["model_version"]
    without = made[1].manifest["leakage"]["without"]
    assert without["features"] == ["amount"]
    assert without["test"]["rows"] == made[1].manifest["metrics"]["test"]["rows"]
    assert without["test"]["average_precision"] < 0.2 < made[1].manifest["metrics"]["test"]["average_precision"]
    assert "without_fraud_only_cards" in without["test"]
