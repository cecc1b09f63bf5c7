"""How runs of the state machines end of which a step fails, takes too long, or is killed: each step of each machine is played."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emulator.process import PYTHON
from stacks.constructs.remedies import BROUGHT_BACK, REMEDIES
from stacks.constructs.steps import FAILED
from stacks.constructs.tracking import KEEP_RUN
from tests.stacks.stacks_under_test import ROOT, Templates, read_templates, synthesize
from tests.stacks.test_templates import definitions

pytestmark = [pytest.mark.stacks, pytest.mark.slow]
Played = dict[str, Any]
EVERYTHING = {
    "shadow_percent": 20,
    "training_with_synthetic": True,
    "training_labels": "both",
    "approval": "person",
    "training_on_drift": True,
    "training_new_labels": 100,
    "batch_back_end": "fraud-detector",
    "tuning_jobs": 2,
    "tracking": "managed",
}
"""What gives the machines steps that those of `dev` have not."""
LABELS = {"detail-type": "labels counted", "time": "2026-01-31T00:00:00Z", "detail": {"labels": 500}}
DRIFT = {
    "detail-type": "drift found",
    "time": "2026-01-31T00:00:00Z",
    "detail": {"day": "2026-01-31", "drifted": [{"name": "amt", "since": "2025-01-01"}]},
}
FILE = {"transactions": "s3://batch/file.csv", "set": "file"}
NIGHT = {"cut": "2026-01-31T02:00:00Z"}
CLEANED = ("Stop transform", "Delete model of a failed run")
"""What still follows when a transform has failed."""
OPTIONAL = (KEEP_RUN,)
"""Steps whose failure a run goes on after."""


class Scenario(NamedTuple):
    """A way through a machine."""

    settings: str
    machine: str
    given: dict[str, Any]
    world: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.settings} {self.machine}"


SCENARIOS = {
    "trained from files": Scenario("dev", "Training", {}, {}),
    "trained after another run": Scenario("dev", "Training", {}, {"held": True}),
    "refused by the gate": Scenario("dev", "Training", {}, {"accepted": False}),
    "taken back by an alarm": Scenario("dev", "Training", {}, {"back": True}),
    "brought back": Scenario("dev", "Training", {"redeploy": True}, {"another": True}),
    "left as it is": Scenario("dev", "Training", {"redeploy": True}, {}),
    "trained from everything": Scenario("all", "Training", {}, {}),
    "nothing found to train with": Scenario("all", "Training", {}, {"tuned": False}),
    "trained from files beside a shadow": Scenario("all", "Training", {"labels": "file"}, {}),
    "refused as a shadow": Scenario("all", "Training", {}, {"compared": False}),
    "trained after new labels": Scenario("all", "Training", LABELS, {"labels": {"known": 100, "trained": 100}}),
    "trained after drift": Scenario("all", "Training", DRIFT, {"labels": {"known": 200, "trained": 100}}),
    "scored": Scenario("dev", "Batch", FILE, {}),
    "not scored": Scenario("dev", "Batch", FILE, {"transformed": False}),
    "published": Scenario("all", "Batch", {"version": "1.0"}, {}),
    "night": Scenario("dev", "Features", NIGHT, {}),
    "labels counted": Scenario("dev", "Labels", {}, {}),
    "drift": Scenario("dev", "Drift", {"day": "2026-01-31"}, {}),
    "synthetic frauds": Scenario("dev", "Synthesis", {}, {}),
    "synthetic frauds refused": Scenario("dev", "Synthesis", {}, {"passed": False}),
}
FAILING, KILLED = ("fails", "late"), ("killed", "killed after")
AFTER_AN_EVENT = {"trained after new labels": ("Train",), "trained after drift": ("Train",)}
"""Steps that other scenarios have, too, and that mean another thing after an event which starts one training."""


class Machines:
    """All machines, and how each scenario goes undisturbed."""

    def __init__(self, folder: Path, dev: Templates) -> None:
        every = read_templates(synthesize(folder, env="dev", **EVERYTHING))
        found = {"dev": definitions(dev), "all": definitions(every)}
        self.definitions = {f"{name} {key}": one for name, machines in found.items() for key, one in machines.items()}
        named = self.definitions["dev Training"]["States"]["Create model"]["Arguments"]["ModelName"]
        self._prefix = re.findall(r"'(.*)-'", named)[0]
        self.undisturbed = dict(zip(SCENARIOS, self._play([(name, {}, []) for name in SCENARIOS]), strict=True))
        self.steps: dict[str, list[str]] = {}
        """{scenario: what is played in it}: each step of a machine once."""
        seen: set[tuple[str, str]] = set()
        for name, scenario in SCENARIOS.items():
            # the same machine of other settings has steps that are the same
            new = [step for step in self.calls(name) if (scenario.machine, step) not in seen]
            seen |= {(scenario.machine, step) for step in new}
            self.steps[name] = [*dict.fromkeys(new), *AFTER_AN_EVENT.get(name, ())]
        broken = [
            (name, step, how) for name, steps in self.steps.items() for step in steps for how in (*FAILING, *KILLED)
        ]
        played = self._play([(name, {step: how}, _following(name, step, how)) for name, step, how in broken])
        self._broken = list(zip(broken, played, strict=True))

    def broken(self, name: str, ways: tuple[str, ...]) -> Iterator[tuple[str, str, Played]]:
        """What became of a scenario: (the step that was broken, how, the outcome)."""
        return ((step, how, played) for (of, step, how), played in self._broken if of == name and how in ways)

    def calls(self, name: str) -> list[str]:
        """The steps that call something when nothing breaks."""
        calls: list[str] = self.undisturbed[name]["runs"][0]["calls"]
        return calls

    def _play(self, plays: list[tuple[str, dict[str, str], list[Any]]]) -> list[Played]:
        """Plays scenarios, a step of each broken as is said; then the inputs that follow are played in the same world."""
        asked = [
            {
                "machine": SCENARIOS[name].key,
                "given": [SCENARIOS[name].given, *following],
                "world": {"prefix": self._prefix, **SCENARIOS[name].world},
                "breaks": breaks,
            }
            for name, breaks, following in plays
        ]
        text = json.dumps({"machines": self.definitions, "plays": asked}).replace("arn:?:", "arn:aws:")
        command = [str(PYTHON), "-m", "tests.stacks.machine_player"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, cwd=ROOT, env=variables, timeout=200
        )
        assert done.returncode == 0, done.stderr
        outcomes: list[Played] = json.loads(done.stdout)
        return outcomes


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, dev: Templates) -> Iterator[Machines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        yield Machines(tmp_path_factory.mktemp("everything"), dev)


def test_every_step_of_every_machine_is_played(machines: Machines) -> None:
    played = {(SCENARIOS[name].machine, step) for name, steps in machines.steps.items() for step in steps}
    there = {
        (key.split(" ", 1)[1], name)
        for key, machine in machines.definitions.items()
        for name, state in machine["States"].items()
        if state["Type"] == "Task"
    }
    assert there - played == set()


def test_undisturbed_runs_end_as_they_should(machines: Machines) -> None:
    ends = {name: played["runs"][0]["error"] for name, played in machines.undisturbed.items()}
    wrong = {name: error for name, error in ends.items() if error}
    assert wrong == {
        "taken back by an alarm": "RolledBack",
        "nothing found to train with": "NotTuned",
        "not scored": "StepFailed",
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_step_that_fails_or_takes_too_long_ends_its_run_with_a_message(machines: Machines, name: str) -> None:
    broken = machines.broken(name, FAILING)
    assert [problem for step, how, played in broken for problem in _ended(name, step, how, played)] == []


def _following(name: str, step: str, how: str) -> list[Any]:
    """The inputs of the runs that follow a broken one: what its message says, or the same again."""
    given = SCENARIOS[name].given
    if how in FAILING:
        back = SCENARIOS[name].machine == "Training" and REMEDIES.get(step) == BROUGHT_BACK
        return [{"redeploy": True} if back else given]
    # of an event that has started a training already nothing follows; by hand it does
    return [given, *([{"labels": "archive"}] if "detail-type" in given else [])]


def _ended(name: str, step: str, how: str, played: Played) -> Iterator[str]:
    first, second = played["runs"]
    if step in OPTIONAL:
        if first["error"] is not None:
            yield f"{step} {how}: {first['error']}: {first['cause']}"
        return
    at = f"{step} {how}"
    cleaning = step in CLEANED
    said = "Transform" if cleaning else step
    late = how == "late" and not cleaning
    begins = f'The step "{said}" ' + ("had not ended after " if late else "failed (")
    if (first["status"], first["error"]) != ("FAILED", "StepTimedOut" if late else "StepFailed"):
        yield f"{at}: {first['status']} {first['error']}"
    cause = first["cause"] or ""
    if not cause.startswith(begins) or not re.search(
        "start the machine (again )?with|Nothing is to be done", cause, re.IGNORECASE
    ):
        yield f"{at}: says {cause}"
    if how == "fails" and not re.search("out. of memory|no such key|It is broken", cause):
        yield f"{at}: does not say why: {cause}"
    if first["steps"][-1] != FAILED:
        yield f"{at}: ends in {first['steps'][-1]}"
    calls = first["calls"]
    after = set(calls[calls.index(step) :]) - {step, *(CLEANED if said == "Transform" else ())}
    if after:
        yield f"{at}: then {sorted(after)}"
    # the turn is free, no name is taken, and what the message says is enough
    if second["error"] not in (None, *(["RolledBack", "StepFailed"] if SCENARIOS[name].world else [])):
        yield f"{at}: afterwards {second['error']}: {second['cause']}"
    yield from (f"{at}: {problem}" for problem in _left(played["world"], name))


def _left(world: dict[str, Any], name: str) -> Iterator[str]:
    """What a broken run may not leave, after the one that follows."""
    for what in ("running", "shadows", "approved without serving"):
        if world[what]:
            yield f"{what}: {world[what]}"
    if not world["serves the newest approved"]:
        yield "another model serves than the approved one"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_that_is_killed_and_started_again_does_nothing_twice(machines: Machines, name: str) -> None:
    by_event = "detail-type" in SCENARIOS[name].given
    problems = [
        f"{step} {how}: {problem}"
        for step, how, played in machines.broken(name, KILLED)
        for problem in _twice(machines.undisturbed[name], played, by_event=by_event)
    ]
    assert problems == []


def _twice(undisturbed: Played, played: Played, *, by_event: bool) -> Iterator[str]:
    killed, again = played["runs"][:2]
    if killed["status"] != "ABORTED":
        yield f"it was not killed: {killed['status']} {killed['cause']}"
    if (again["status"], again["error"]) != (undisturbed["runs"][0]["status"], undisturbed["runs"][0]["error"]):
        yield f"started again: {again['status']} {again['cause']}"
    wanted, found = undisturbed["world"], played["world"]
    for what in wanted:
        # a model that nothing serves costs nothing; it has the name of its run
        left = {"models of batches": [[], ["card-fraud-dev-batch-RUN"]]}.get(what, [wanted[what]])
        if found[what] not in left:
            yield f"{what}: {found[what]} in place of {wanted[what]}"
    for event in set(played["events"]):
        # one that is told before the run is killed may be told again by the next: with the same content
        told = sum("Tell" in call for call in killed["calls"])
        if played["events"].count(event) > undisturbed["events"].count(event) + told + by_event:
            yield f"told again: {event}"
    trained = [run["calls"].count("Train") for run in played["runs"]]
    if by_event and "Train" in killed["calls"] and trained[1]:
        yield "the same event has trained twice"
