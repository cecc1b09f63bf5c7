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


INVARIANTS = (read_before_assigned,)
