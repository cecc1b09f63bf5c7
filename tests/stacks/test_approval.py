"""Who lets a candidate serve: the gate, or a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.constructs.promotion import AWAITS
from stacks.constructs.steps import FAILED
from tests.stacks.stacks_under_test import Templates, read_templates, synthesize
from tests.stacks.test_templates import definitions

States = dict[str, dict[str, Any]]


def from_(states: States, name: str) -> set[str]:
    """The states that a run can come to behind one."""
    found: set[str] = set()

    def after(state: dict[str, Any]) -> Iterator[str]:
        yield from (each for each in (state.get("Next"), state.get("Default")) if each)
        yield from (rule["Next"] for rule in [*state.get("Choices", []), *state.get("Catch", [])])

    waiting = [name]
    while waiting:
        further = set(after(states[waiting.pop()])) - found
        found |= further
        waiting += further
    return found


def test_a_candidate_that_the_gate_accepts_is_brought_behind_the_endpoint(dev: Templates) -> None:
    states: States = definitions(dev)["Training"]["States"]
    assert {"Create model", "Update endpoint", "Approve"} <= from_(states, "Register")
    assert "Tell that it awaits" not in states


def test_one_that_a_person_is_to_approve_is_registered_and_told_and_the_endpoint_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_VALIDATION", "false")
    states: States = definitions(read_templates(synthesize(tmp_path, env="dev", approval="person")))["Training"][
        "States"
    ]
    assert from_(states, "Register") == {"Tell that it awaits", "Awaits approval", FAILED}
    register, tell = states["Register"], states["Tell that it awaits"]
    assert register["Arguments"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert "' awaits approval: ' & $verdict.why" in register["Assign"]["sentence"]
    [entry] = tell["Arguments"]["Entries"]
    assert (entry["DetailType"], entry["Source"]) == (AWAITS, "card-fraud")
    assert set(entry["Detail"]) == {"run", "sentence", "package", "evaluation"}
    assert states["Awaits approval"]["Type"] == "Succeed"
    # what a person has approved comes behind the canary by the way of a champion that takes over again
    assert {"Create model", "Update endpoint", "Approve", "Rolled back"} <= from_(states, "Which serves?")
