"""What the templates do not allow is denied in the demo, too: one statement less, and it fails and says what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local import through_stacks
from local.assembly import Stack
from local.demo import DemoSettings, run_demo
from local.screen import SilentScreen
from local.through_stacks import DeniedError

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(600)]

SMALL = DemoSettings(cards=150, days=40, rate=200, transactions=100)
ROLE, ACTION = "ModelsMachineRole", "sagemaker:CreateProcessingJob"


def without(stack: Stack, role: str, action: str) -> Stack:
    """The stack without the statements that allow an action to one of its roles, named by how its resource's name begins."""
    template = json.loads(stack.body)
    taken = 0
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Policy" and name.startswith(role):
            document = resource["Properties"]["PolicyDocument"]
            kept = [statement for statement in document["Statement"] if action not in statement["Action"]]
            taken += len(document["Statement"]) - len(kept)
            document["Statement"] = kept
    assert taken == 1
    return replace(stack, body=json.dumps(template))


def test_a_statement_taken_out_of_a_role_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesized = through_stacks.synthesized_stacks

    def poorer(temporary: Path, context: Mapping[str, Any]) -> list[Stack]:
        stacks = synthesized(temporary, context)
        return [without(stack, ROLE, ACTION) if stack.name.endswith("-Training") else stack for stack in stacks]

    monkeypatch.setattr(through_stacks, "synthesized_stacks", poorer)
    (tmp_path / "out").mkdir()
    with pytest.raises(DeniedError, match=rf"Training-{ROLE}.*{ACTION}.*processing-job/fraud-dev-"):
        run_demo(SMALL, tmp_path / "out", tmp_path / "run", SilentScreen())
