"""The rows that parameters are chosen on, in time order and never the test's; and how a set of them is judged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fraud.durations import MS_PER_DAY
from sagemaker_src.training.fitting import TrainingSettings, fit, score, silent
from sagemaker_src.training.train import TrainingDataError
from sagemaker_src.tuning.families import FAMILIES, compare
from sagemaker_src.tuning.judging import STEPS, average_precision, judged, parts_before
from tests.sagemaker_src.test_evaluate_model import START, TEST_FROM, made_up_rows

SETTINGS = TrainingSettings(rounds=25, label_delay_days=3)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_up_rows(4_000)


def test_the_parts_follow_each_other_a_label_delay_apart(rows: pd.DataFrame) -> None:
    parts = parts_before(rows, SETTINGS, TEST_FROM)
    said, moments = parts.said, rows["event_ms"]
    assert (
        said["validation_from"] - said["fitted_until"] == said["test_from"] - said["labelled_until"] == 3 * MS_PER_DAY
    )
    assert len(parts.fitted.label) == said["fitted_rows"] == int((moments < said["fitted_until"]).sum())
    between = (moments >= said["validation_from"]) & (moments < said["labelled_until"])
    assert len(parts.judged.label) == said["judged_rows"] == int(between.sum())
    assert parts.judged.label.tolist() == rows.loc[between, "is_fraud"].tolist()


def test_nothing_of_the_test_is_looked_at(rows: pd.DataFrame) -> None:
    """Nor of rows whose labels are not known when the test begins, nor in any part what only later rows hold."""
    before = parts_before(rows, SETTINGS, TEST_FROM)
    other = rows.copy()
    later = other["event_ms"] >= before.said["labelled_until"]
    assert later.any()
    other.loc[later, ["amount_cents", "category", "is_fraud"]] = (1, "only in the test", 1)
    after = parts_before(other, SETTINGS, TEST_FROM)
    assert after.takes == before.takes and after.said == before.said
    for one, two in ((before.fitted, after.fitted), (before.judged, after.judged)):
        np.testing.assert_array_equal(one.vectors, two.vectors)
        np.testing.assert_array_equal(one.label, two.label)
    other = rows.assign(
        category=rows["category"].where(rows["event_ms"] < before.said["validation_from"], "judged alone")
    )
    assert parts_before(other, SETTINGS, TEST_FROM).takes == before.takes


def test_parts_without_a_fraud_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(TrainingDataError, match="the fitting rows hold 0 frauds of 0 rows"):
        parts_before(rows, SETTINGS, START)
    with pytest.raises(TrainingDataError, match="the validation rows hold 0 frauds"):
        honest = rows.assign(is_fraud=rows["is_fraud"].where(rows["event_ms"] < START + 20 * MS_PER_DAY, 0))
        parts_before(honest, SETTINGS, TEST_FROM)


def test_a_trial_is_worth_what_the_model_that_training_fits_is(rows: pd.DataFrame) -> None:
    parts = parts_before(rows, SETTINGS, TEST_FROM)
    told: list[tuple[int, float]] = []
    trees: list[int] = []
    given = {"max_depth": 4, "subsample": 0.8, "min_child_weight": 3.0}
    value = judged(
        parts, given, SETTINGS, lambda *step: told.append(step), lambda _, done, total: trees.append(done), threads=1
    )
    chosen = TrainingSettings(rounds=25, label_delay_days=3, max_depth=4, subsample=0.8, min_child_weight=3.0)
    model = fit(*parts.fitted, parts.takes, chosen, "", silent, threads=1)
    assert value == pytest.approx(average_precision(parts, score(model, parts.judged.vectors)), abs=1e-6)
    assert [step for step, _ in told] == list(range(1, STEPS + 1)) and told[-1][1] == value
    assert trees == list(range(1, 26))
    halfway = score(model[: round(25 / 2)], parts.judged.vectors)
    assert dict(told)[5] == pytest.approx(average_precision(parts, halfway), abs=1e-6)


def test_what_the_watcher_raises_ends_the_trial(rows: pd.DataFrame) -> None:
    parts = parts_before(rows, SETTINGS, TEST_FROM)
    trees: list[int] = []

    def hopeless(step: int, value: float) -> None:
        if step == 3:
            raise KeyError("hopeless")

    with pytest.raises(KeyError, match="hopeless"):
        judged(parts, {}, SETTINGS, hopeless, lambda _, done, total: trees.append(done), threads=1)
    assert trees[-1] == round(25 * 3 / STEPS)


@pytest.mark.slow
def test_each_family_is_fitted_and_judged_on_the_same_rows(rows: pd.DataFrame) -> None:
    """Amounts alone say what is fraud here, and every family finds that; missing values and categories stop none."""
    holed = rows.copy()
    holed.loc[::7, "num_trans_last_1h"] = np.nan
    parts = parts_before(holed, SETTINGS, TEST_FROM)
    found = {each.family: each for each in compare(parts, SETTINGS, threads=1)}
    assert list(found) == list(FAMILIES)
    chance = parts.judged.label.mean()
    for each in found.values():
        assert 1.5 * chance < each.average_precision < 1.000001, each
        assert 0 <= each.recall <= 1 and each.fit_s > 0 and each.score_us > 0 and each.size > 500
    assert found["XGBoost"].average_precision == pytest.approx(
        judged(parts, {}, SETTINGS, lambda *_: None, threads=1), abs=1e-6
    )
