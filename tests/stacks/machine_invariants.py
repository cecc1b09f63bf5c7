"""What must hold of every state machine, on each path through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stacks.constructs.steps import variables_read
from tests.stacks.stacks_under_test import Resource, Templates, resources

MACHINE = "AWS::StepFunctions::StateMachine"
FOLLOWED = {"Pass", "Task", "Wait", "Choice", "Succeed", "Fail"}


def definition(machine: Resource) -> dict[str, Any]:
    """A state machine's definition, what only a deployment knows written as `?`."""
    text = machine.properties["DefinitionString"]
    parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
    found: dict[str, Any] = json.loads("".join(part if isinstance(part, str) else "?" for part in parts))
    return found


def read_before_assigned(templates: Templates) -> Iterator[str]:
    """A variable that a state reads was assigned on every path to it, by way of choices and of caught errors, too."""
    for machine in resources(templates, MACHINE):
        yield from (f"{machine}: {problem}" for problem in unassigned(definition(machine)))


def unassigned(machine: dict[str, Any]) -> Iterator[str]:
    """What is read in a definition and not assigned on every path to where it is."""
    states = machine["States"]
    known: dict[str, frozenset[str]] = {machine["StartAt"]: frozenset()}
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        for following, assigned in _ways_on(states[name]):
            arriving = known[name] | assigned
            on_every_path = known.get(following, arriving) & arriving
            if known.get(following) != on_every_path:
                known[following] = on_every_path
                waiting.append(following)
    for name, assigned in known.items():
        if states[name]["Type"] not in FOLLOWED:
            yield f"{name}: a state of type {states[name]['Type']}, whose variables nothing follows yet"
        for variable in sorted(variables_read(states[name]) - assigned):
            yield f"{name} reads ${variable}, which is not assigned on every path to it"


def _ways_on(state: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """The states that come after, and what has been assigned on the way: by a step that fails what its catcher says alone."""
    for way in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield way["Next"], frozenset(way.get("Assign", ()))
    for name in ("Next", "Default"):
        if name in state:
            yield state[name], frozenset(state.get("Assign", ()))


def waits_for_ever(templates: Templates) -> Iterator[str]:
    """A step that calls something has a time-out and leads somewhere when it fails, whatever the error; all of it ends in a state
    that says why."""
    for machine in resources(templates, MACHINE):
        yield from (f"{machine}: {problem}" for problem in unended(definition(machine)))


def unended(machine: dict[str, Any]) -> Iterator[str]:
    """The steps of a definition that end in no known state when what they call fails or does not answer."""
    for name, state in machine["States"].items():
        if state["Type"] != "Task":
            continue
        timeout_s = state.get("TimeoutSeconds", 0)
        if not timeout_s:
            yield f"{name} has no time-out"
        if "States.ALL" not in [error for way in state.get("Catch", ()) for error in way["ErrorEquals"]]:
            yield f"{name} leads nowhere when it fails"
        limit_s = state["Arguments"].get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0)
        if ".sync" in state["Resource"] and timeout_s <= limit_s:
            yield f"{name} waits {timeout_s} s for a job that may run {limit_s} s, and would leave it behind"


INVARIANTS = (read_before_assigned, waits_for_ever)
