"""What starts trainings by itself: as much of it is deployed as the settings say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stacks.stacks_under_test import Templates, read_templates, resources, synthesize
from tests.stacks.test_templates import definitions

STEPS = {"Labels counted", "Enough labels?", "Has it lasted?", "Labels of it?", "Not yet", "Labels learned"}


def of_training(templates: Templates) -> tuple[list[str], list[str], set[str]]:
    """The schedules of the training and counting machines, the detail types that start trainings, and the steps of these."""
    schedules = [
        one.id for one in resources(templates, "AWS::Scheduler::Schedule") if one.id.startswith(("Models", "Count"))
    ]
    rules = [one.properties for one in resources(templates, "AWS::Events::Rule") if one.stack == "Training"]
    kinds = [kind for rule in rules for kind in rule["EventPattern"]["detail-type"] if rule.get("EventBusName")]
    return schedules, kinds, STEPS & definitions(templates)["Training"]["States"].keys()


def test_labels_and_drift_start_trainings_unless_settings_say_otherwise(dev: Templates) -> None:
    schedules, kinds, steps = of_training(dev)
    assert len(schedules) == 2
    assert sorted(kinds) == ["drift found", "labels counted", "retrain"]
    assert steps == STEPS


@pytest.mark.parametrize(
    ("settings", "schedules", "kinds", "steps"),
    [
        ({"training_on_drift": False, "training_new_labels": 0, "training_at": ""}, 0, {"retrain"}, set()),
        (
            {"training_on_drift": False},
            2,
            {"retrain", "labels counted"},
            STEPS - {"Has it lasted?", "Labels of it?"},
        ),
        # labels are counted for drift, too
        ({"training_new_labels": 0}, 2, {"retrain", "labels counted", "drift found"}, STEPS - {"Enough labels?"}),
    ],
)  # fmt: skip
def test_each_is_turned_off_by_its_setting(
    settings: dict[str, Any], schedules: int, kinds: set[str], steps: set[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CDK_VALIDATION", "false")
    found = of_training(read_templates(synthesize(tmp_path, env="dev", **settings)))
    assert (len(found[0]), set(found[1]), found[2]) == (schedules, kinds, steps)
