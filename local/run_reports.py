"""What a run leaves in writing: the ledger of its resources and the permissions of its roles."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emulator.permissions import with_reasons
from emulator.process import EmulatedAws
from local.assembly import Stack
from local.deployment import resources
from local.ledger import Entry, ledger
from local.unused_permissions import why_unused


def write_account(aws: EmulatedAws, stacks: Sequence[Stack], folder: Path) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Writes `ledger.json` and `permissions.json` and gives what is in them."""
    made = {stack.name: resources(aws.client, stack.name) for stack in stacks}
    physical = {name: {key: found[1] for key, found in given.items()} for name, given in made.items()}
    entries = ledger(stacks, physical, _work(aws, made))
    roles = {
        physical[stack.name][logical_id]: logical_id
        for stack in stacks
        for logical_id, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    permissions = with_reasons(
        aws.permissions(), lambda role, action, on: why_unused(roles[role], action, on) if role in roles else None
    )
    (folder / "ledger.json").write_text(json.dumps([entry.row() for entry in entries], indent=2) + "\n")
    (folder / "permissions.json").write_text(json.dumps(permissions, indent=2) + "\n")
    return entries, permissions


def denials(permissions: list[dict[str, Any]]) -> list[str]:
    """What was denied, a sentence each."""
    return [
        f"{row['role']} may not {one['action']} on {one['resource']} (asked {one['calls']} times)"
        for row in permissions
        for one in row["denied"]
    ]


def permission_counts(permissions: list[dict[str, Any]]) -> dict[str, int]:
    """How many pairs of action and resource were used, and how many are allowed but were not, with a reason and without."""
    return {
        "used": sum(len(row["used"]) for row in permissions),
        "unused_with_reason": sum(len(row["allowed_but_unused"]) for row in permissions),
        "unused": sum(len(row["removable"]) for row in permissions),
    }


def _work(aws: EmulatedAws, made: dict[str, dict[str, tuple[str, str]]]) -> Counter[str]:
    work = Counter(aws.work())
    states = aws.client("stepfunctions")
    for kind, name in (found for given in made.values() for found in given.values()):
        if kind == "AWS::StepFunctions::StateMachine":
            pages = states.get_paginator("list_executions").paginate(stateMachineArn=name)
            work[name] = sum(len(page["executions"]) for page in pages)
    return work
