"""The emulated AWS knows the limits of everything that the application may call."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from emulator.limits.guard import check_resource
from emulator.limits.inventory import NONE, limits_of
from stacks.names import JOBS, run_prefix
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import Templates


def _actions(templates: Templates) -> Iterator[str]:
    """What roles are allowed."""
    for template in templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                yield from _allowed(resource["Properties"])


def _allowed(given: Any) -> Iterator[str]:
    if isinstance(given, list):
        for one in given:
            yield from _allowed(one)
    elif isinstance(given, dict):
        if given.get("Effect") == "Allow" and "Principal" not in given:
            actions = given["Action"]
            yield from actions if isinstance(actions, list) else [actions]
        for one in given.values():
            yield from _allowed(one)


def test_of_every_action_that_a_role_is_allowed_the_limits_are_known(templates: Templates) -> None:
    actions = set(_actions(templates))
    assert len(actions) > 50
    unknown = sorted(action for action in actions if not limits_of(action))
    assert not unknown, "put their limits into emulator/limits, or say in its inventory why there is none"


def test_no_reason_stands_for_an_action_that_nobody_is_allowed(
    dev: Templates, prod: Templates, other: Templates
) -> None:
    unlimited = {
        action for each in (dev, prod, other) for action in _actions(each) if limits_of(action)[0].startswith("none: ")
    }
    assert not [pattern for pattern in NONE if not any(fnmatch(action, pattern) for action in unlimited)]


def test_the_templates_keep_to_the_limits_of_resources(templates: Templates) -> None:
    for template in templates.values():
        for resource in template["Resources"].values():
            literal = {name: value for name, value in resource.get("Properties", {}).items() if _literal(value)}
            check_resource(resource["Type"], literal)


def _literal(value: Any) -> bool:
    """Whether nothing of it is known only in the cloud."""
    if isinstance(value, dict):
        return not any(name == "Ref" or name.startswith("Fn::") for name in value) and all(
            map(_literal, value.values())
        )
    return all(map(_literal, value)) if isinstance(value, list) else True


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_names_of_runs_are_within_what_a_job_may_be_called(env: str) -> None:
    longest = 63 - len("-00000000-0000-0000-0000-000000000000")  # page API_CreateProcessingJob
    settings = read_settings({"env": env})
    assert {job: len(run_prefix(settings, job)) for job in JOBS if len(run_prefix(settings, job)) > longest} == {}
