"""The life of a model in the whole application, with nobody who does anything: a change is found, labels come back, and a better
model serves; then labels come that are wrong, and the model which they make does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from stacks.constructs.drift import EVENT as DRIFT
from stacks.constructs.promotion import SERVES
from stacks.constructs.retraining import COUNTED
from tests.local.drifting_world import DRIFT_FROM, NEW_PATTERN, TRIPLED, day_of
from tests.local.learning_application import LearningApplication, learning_application

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(1500)]

ENOUGH = 590
"""New labels that are followed by a training: fewer come back of the change than are wrong later."""
SETTINGS = {
    "training_label_delay_days": 1,
    "training_new_labels": ENOUGH,
    "canary_percent": 50,
    "canary_wait_s": 180,
    # nothing is asked here of how fast this machine is
    "alarm_model_latency_ms": 20_000,
    "endpoint_instances_least": 2,
    "endpoint_instances_most": 2,
}
KNOWN, CORRECTED = "2026-03-05T00:00:00.000Z", "2026-03-06T00:00:00.000Z"
WEEKS_LATER = DRIFT_FROM + 20
"""A candidate is tested on the last days that are known: the days before it, which it learns from, must know the change, too."""
BESIDE = 1
"""Transactions a second, beside the machines."""


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearningApplication]:
    with learning_application(tmp_path_factory.mktemp("retraining"), SETTINGS) as application:
        yield application


def versions(rows: list[dict[str, Any]]) -> list[str]:
    """The models that decided, in order, each once in a row; nothing but a model did."""
    assert {row["path"] for row in rows} == {"model"}, {row["why"] for row in rows}
    return [version for version, _ in groupby(row["model_version"] for row in rows)]


def test_drift_is_found_labels_come_back_and_a_better_model_serves_then_wrong_ones_make_one_that_does_not(
    living: LearningApplication,
) -> None:
    heard, world = living.heard(DRIFT, SERVES, "Model refused"), living.world
    living.run("NightlyStateMachine", cut=day_of(DRIFT_FROM - 1))
    first = living.run("TrainingStateMachine", labels="archive", as_of=day_of(DRIFT_FROM - 1))
    assert first.end == "New champion"
    before = living.serving()
    living.day(DRIFT_FROM - 1)
    living.run("NightlyStateMachine", cut=day_of(DRIFT_FROM))

    # the first day on which customers and fraud are otherwise: told, and too early to learn from
    [champion] = versions(living.day(DRIFT_FROM))
    assert living.ended(living.night(DRIFT_FROM)).end == "Not yet"
    # it lasts for weeks, and its frauds become known; of few labels nothing follows
    living.day(DRIFT_FROM + 1, WEEKS_LATER)
    frauds = world.frauds(DRIFT_FROM, WEEKS_LATER)
    assert len(frauds) < ENOUGH
    counted = living.ended(living.come_back(frauds, is_fraud=True, known_at=KNOWN))
    assert (counted.given["detail-type"], counted.end) == (COUNTED, "Not yet")
    # the drift lasts, and has labels now
    with living.traffic(WEEKS_LATER, WEEKS_LATER + 2, BESIDE) as sent:
        run = living.ended(living.night(DRIFT_FROM + 1))
    assert (run.given["detail-type"], run.end) == (DRIFT, "New champion")
    since = {each["name"]: each["since"] for each in run.given["detail"]["drifted"]}
    assert {f"amount of {name}": day_of(DRIFT_FROM) for name in (*TRIPLED, NEW_PATTERN)}.items() <= since.items()
    better = living.serving()
    assert better != before
    took_turns = versions(living.decided(sent))
    assert len(set(took_turns)) == 2
    assert took_turns[0] == champion
    assert len(took_turns) > 2, "the canary has half of the traffic for a while"
    serves = [one["detail"]["sentence"] for one in heard() if one["detail-type"] == SERVES]
    assert len(serves) == 2
    assert "no worse than the champion" in serves[-1]

    # by mistake, most frauds of the weeks that are learned from are said to be honest
    wrong = [each for place, each in enumerate(world.frauds(0, DRIFT_FROM + 12)) if place % 20]
    assert len(wrong) >= ENOUGH
    living.next_day()
    with living.traffic(WEEKS_LATER + 2, WEEKS_LATER + 4, BESIDE) as sent:
        refused = living.ended(living.come_back(wrong, is_fraud=False, known_at=CORRECTED))
    assert (refused.given["detail-type"], refused.end) == (COUNTED, "Champion stays")
    assert "is below the champion's" in str(refused.output)
    [serving] = versions(living.decided(sent))
    assert (serving, living.serving()) == (took_turns[-1], better)
    kinds = [one["detail-type"] for one in heard()]
    assert (kinds.count(SERVES), kinds.count(DRIFT), kinds.count("Model refused")) == (2, 2, 1)
    assert (living.denied(), living.application.dead_letters()) == ([], {})
