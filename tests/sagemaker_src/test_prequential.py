"""A model over time: a loop that anyone can read, labels that are never seen before they are known, and going on after a stop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from fraud.vector import declared_input, model_vector
from sagemaker_src.training import prequential as module
from sagemaker_src.training.fitting import TrainingSettings, fit, score, silent
from sagemaker_src.training.prequential import periods, prequential
from sagemaker_src.training.resampling import drawn
from tests.sagemaker_src.test_evaluate_model import DAY_MS, DAYS, START, made_up_rows
from tests.sagemaker_src.test_operating import naive

DELAY, EVERY = 3, 14
SETTINGS = TrainingSettings(rounds=8, label_delay_days=DELAY)
FROM = START + 40 * DAY_MS


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> Iterator[None]:
    """Fifty draws for each interval, of which nothing here asks but on which side of nothing it lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "drawn", partial(drawn, resamples=50))
        yield


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Rows whose fraud changes its amounts half way, so that the model of the first period ages."""
    made = made_up_rows(3_000)
    later = made["event_ms"] >= START + 60 * DAY_MS
    old, new = made["amount_cents"] > 46_000, made["amount_cents"] < 3_000
    return made.assign(is_fraud=np.where(later, new, old).astype("int8"))


def run(rows: pd.DataFrame, folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    folder.mkdir(exist_ok=True)
    return prequential(rows, SETTINGS, periods(rows["event_ms"].to_numpy(), FROM, EVERY, DELAY), folder, silent)


@pytest.fixture(scope="module")
def found(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], pd.DataFrame]:
    return run(rows, tmp_path_factory.mktemp("whole"))


def by_loop(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Each period by itself, from single rows."""
    every, told, first = rows.to_dict("records"), [], None
    for begin in range(FROM, START + DAYS * DAY_MS, EVERY * DAY_MS):
        known = pd.DataFrame([row for row in every if row["event_ms"] + DELAY * DAY_MS < begin])
        tested = pd.DataFrame([row for row in every if begin <= row["event_ms"] < begin + EVERY * DAY_MS])
        takes = declared_input({"category": sorted(set(known["category"]))})
        names = [
            name for name in takes.names if not np.isnan(model_vector(known, takes)[:, takes.names.index(name)]).all()
        ]
        takes = takes._replace(names=tuple(names), categories={"category": takes.categories["category"]})
        label = known["is_fraud"].to_numpy()
        model = fit(model_vector(known, takes), label, takes, SETTINGS, "", silent)
        first = first or (model, takes)
        cards = {row["cc_num"] for row in known.to_dict("records") if row["is_fraud"]}
        truth = tested["is_fraud"].to_numpy()
        each: dict[str, Any] = {"from_ms": begin, "rows": len(tested), "frauds": int(truth.sum())}
        for arm, (by, of) in (("retrained", (model, takes)), ("static", first)):
            scores = score(by, model_vector(tested, of))
            each[arm] = {
                "average_precision": average_precision_score(truth, scores),
                "roc_auc": roc_auc_score(truth, scores),
                "brier": brier_score_loss(truth, scores.astype(np.float64)),
                "card_precision": naive(tested, scores, cards, 100),
            }
        told.append(each)
    return told


def test_it_is_the_loop_that_anyone_can_read(rows: pd.DataFrame, found: tuple[dict[str, Any], pd.DataFrame]) -> None:
    ours, theirs = found[0]["periods"], by_loop(rows)
    assert len(ours) == len(theirs) == 5
    for one, other in zip(ours, theirs, strict=True):
        assert [one[name] for name in ("from_ms", "rows", "frauds")] == [
            other[n] for n in ("from_ms", "rows", "frauds")
        ]
        for arm in ("retrained", "static"):
            assert one[arm]["average_precision"]["value"] == pytest.approx(other[arm]["average_precision"], abs=1e-12)
            for name in ("roc_auc", "brier", "card_precision"):
                assert one[arm][name] == pytest.approx(other[arm][name], abs=1e-12), (arm, name)


def test_the_model_of_the_first_period_ages_and_it_is_said_how_surely(
    found: tuple[dict[str, Any], pd.DataFrame],
) -> None:
    last = found[0]["periods"][-1]["difference"]["average_precision"]
    assert 0 < last["low"] <= last["value"] <= last["high"]
    assert found[0]["periods"][0]["difference"]["average_precision"]["value"] == 0


def test_no_label_is_seen_before_it_is_known(
    rows: pd.DataFrame, found: tuple[dict[str, Any], pd.DataFrame], tmp_path: Path
) -> None:
    """Labels planted from the label delay before a period on change no score of it, and one right before does."""
    scores, place = found[1], 2
    begin = FROM + place * EVERY * DAY_MS
    unknown = rows["event_ms"] >= begin - DELAY * DAY_MS
    planted = rows.assign(is_fraud=rows["is_fraud"].where(~unknown, 1 - rows["is_fraud"]))
    until = run(planted, tmp_path / "planted")[1]
    arms = ["retrained", "static"]
    pd.testing.assert_frame_equal(
        until.loc[until["period"] <= place, arms], scores.loc[scores["period"] <= place, arms]
    )
    assert not until.loc[until["period"] > place, "retrained"].equals(scores.loc[scores["period"] > place, "retrained"])
    known = rows["event_ms"].between(begin - (DELAY + 5) * DAY_MS, begin - DELAY * DAY_MS - 1)
    seen = run(rows.assign(is_fraud=rows["is_fraud"].where(~known, 1 - rows["is_fraud"])), tmp_path / "seen")[1]
    assert not seen.loc[seen["period"] == place, "retrained"].equals(scores.loc[scores["period"] == place, "retrained"])
    assert seen["static"].equals(scores["static"])


@pytest.mark.parametrize("after", [1, 3])
def test_one_that_was_stopped_goes_on_and_ends_as_if_it_never_was(
    after: int,
    rows: pd.DataFrame,
    found: tuple[dict[str, Any], pd.DataFrame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged, done = module.judged, []

    def interrupted(*given: Any) -> dict[str, Any]:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        return judged(*given)

    with monkeypatch.context() as patch:
        patch.setattr(module, "judged", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(rows, tmp_path / "work")
    assert len(list((tmp_path / "work").glob("period-*.json"))) == after
    fits = []
    monkeypatch.setattr(module, "fit", lambda *given: fits.append(1) or fit(*given))
    told, scores = run(rows, tmp_path / "work")
    assert len(fits) == 5 - after
    assert json.dumps(told) == json.dumps(found[0])
    pd.testing.assert_frame_equal(scores, found[1])
