"""Thirty worlds, each with a day as it was and the same day changed: the drift job's own program on both."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model
from samples.drift_worlds import Change, WatchedWorld, watched_on

pytestmark = pytest.mark.slow

SEEDS = range(200, 230)
"""None of those that the changes were chosen by."""
CARDS, DAYS = 350, 35
"""Of each world, and the days of its baseline."""
RHYTHM = {"weekday", "hour"}


class Found(NamedTuple):
    """What the reports name of a world's watched day."""

    as_it_was: list[str]
    changed: list[str]
    change: Change


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """{seed: what was found in a world of its own}. One model, of another world, scores in all of them."""
    # names of shops and holders are most of the work, and in no feature
    making: Any = importlib.import_module("fraud.world.generate")
    merchants = making.make_merchants(np.random.default_rng(1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(making, "make_merchants", lambda _: merchants)
        patched.setattr(making, "make_holders", lambda *_: None)
        trained_on = WatchedWorld.make(500, cards=600, days=40).before()
        cut = int(trained_on["event_ms"].quantile(0.7))
        trained = train_model(trained_on, TrainingSettings(rounds=30, eta=0.3), test_from_ms=cut)
        return {seed: looked_at(seed, trained, tmp_path_factory.mktemp("world")) for seed in SEEDS}


def looked_at(seed, trained, folder):
    world = WatchedWorld.make(seed, CARDS, DAYS)
    baseline, change = world.baseline(trained), world.change()
    reports = [
        world.found(trained, baseline, rows, folder / name)
        for name, rows in (("as it was", world.as_it_was()), ("changed", world.changed(change)))
    ]
    return Found(*([each["name"] for each in report["drifted"]] for report in reports), change)


def named(names, kind):
    return {name.removeprefix(kind) for name in names if name.startswith(kind)}


def test_the_watched_days_are_of_all_weekdays_and_half_of_them_ends_of_months():
    days = [watched_on(seed) for seed in SEEDS]
    assert {day.weekday() for day in days} == set(range(7))
    ends = [day for day in days if (pd.Timestamp(day)).is_month_end]
    assert len(ends) >= 15 and any(day.weekday() == 6 for day in ends)


def test_at_most_one_of_thirty_worlds_with_their_rhythms_raises_an_alarm_on_a_day_without_a_change(found):
    alarms = {seed: each.as_it_was for seed, each in found.items() if each.as_it_was}
    assert len(found) == 30 and len(alarms) <= 1, alarms


def test_tripled_amounts_in_two_categories_are_found_on_the_first_day_in_thirty_of_thirty(found):
    for seed, each in found.items():
        assert named(each.changed, "amount of ") == {*each.change.tripled, each.change.tried}, f"{seed}: {each}"


def test_a_new_fraud_pattern_is_found_and_named_in_thirty_of_thirty(found):
    for seed, each in found.items():
        assert f"amount of {each.change.tried}" in each.changed, f"{seed}: {each}"
        assert {each.change.unseen} <= named(each.changed, "frauds missed: category "), f"{seed}: {each}"


def test_no_category_is_named_in_which_nothing_changed(found):
    for seed, each in found.items():
        missed = named(each.changed, "frauds missed: category ")
        assert missed <= {each.change.unseen, each.change.tried, *each.change.tripled}, f"{seed}: {each}"
        assert not RHYTHM & set(each.changed), f"{seed}: {each}"
