"""The table of what a run on one machine does not use of its roles' permissions fits the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from local import unused_permissions
from local.unused_permissions import UNUSED, Unused, why_unused
from stacks.constructs.permissions import resource_text
from tests.stacks.stacks_under_test import Templates, listed, referred, resources, statements


def permissions(templates: Templates) -> Iterator[tuple[str, str, str]]:
    """(role, action, resource) of everything that is allowed; a role by its logical id without the digits at its end."""
    for policy in resources(templates, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        roles = [re.sub(r"[0-9A-F]{8}$", "", str(referred(role))) for role in policy.properties["Roles"]]
        for statement in statements(policy.properties["PolicyDocument"]):
            for action in listed(statement["Action"]):
                for resource in map(resource_text, listed(statement["Resource"])):
                    yield from ((role, action, resource) for role in roles)


def fitting_nothing(templates: Templates) -> list[Unused]:
    """The reasons that fit no permission."""
    allowed = list(permissions(templates))
    return [row for row in UNUSED if not any(row.fits(*one) for one in allowed)]


def test_each_reason_fits_a_permission(dev: Templates) -> None:
    assert fitting_nothing(dev) == []


def test_each_pattern_of_a_reason_fits_a_permission(dev: Templates) -> None:
    allowed = list(permissions(dev))
    for row in UNUSED:
        alone = [row._replace(actions=(action,)) for action in row.actions]
        alone += [row._replace(roles=(role,)) for role in row.roles]
        for one in alone:
            assert any(one.fits(*each) for each in allowed), one


def test_a_reason_that_fits_no_permission_is_found(dev: Templates, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = Unused("only deleting a stack calls it", ("sagemaker:DeleteModel",), roles=("FunctionsDecideRole",))
    monkeypatch.setitem(globals(), "UNUSED", (*UNUSED, stale))
    assert fitting_nothing(dev) == [stale]


def test_a_reason_holds_for_its_own_role_action_and_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Unused("by hand", ("s3:PutObject",), resources="*/quarantine/*", roles=("FunctionsDecideRole",))
    monkeypatch.setattr(unused_permissions, "UNUSED", (row,))
    quarantine, other = "arn:aws:s3:::archive/quarantine/*", "arn:aws:s3:::archive/other/*"
    assert why_unused("FunctionsDecideRole1A2B3C4D", "s3:PutObject", [quarantine]) == "by hand"
    assert why_unused("FunctionsDecideRole1A2B3C4D", "s3:GetObject", [quarantine]) is None
    assert why_unused("FunctionsDecideRole1A2B3C4D", "s3:PutObject", [quarantine, other]) is None
    assert why_unused("FunctionsWatchRole1A2B3C4D", "s3:PutObject", [quarantine]) is None
