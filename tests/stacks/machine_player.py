"""Plays state machines by the emulated service's own runner, in a process of its environment: no job runs and nobody waits.

.venv-aws/bin/python -m tests.stacks.machine_player < PLAYS > OUTCOMES
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import threading
import time
import types
import uuid
from collections.abc import Iterator
from typing import Any

from emulator.tasks import TaskFailedError
from tests.stacks.machine_world import JOBS, World, emulated, failed_job

LATE_S = 0.01


class Player:
    """Runs machines in a world, one of whose steps may break.

    Args:
        machines: {name: definition}.
    """

    def __init__(self, machines: dict[str, Any]) -> None:
        self._machines, self._states = machines, emulated("stepfunctions")
        self._world: World
        self._breaks: dict[str, str] = {}
        self._calls: list[str] = []
        self._over = threading.Event()
        # the runner waits as a service does, and parses an expression as often as it evaluates it; parsed once, none has a limit
        self._states.time = types.SimpleNamespace(sleep=lambda _: None, time=time.time)
        engine = self._states.jsonata.Jsonata
        parse = functools.cache(engine.jsonata)
        engine.jsonata = lambda expression, **_: parse(expression)
        self._states._emit_execution_status_event = lambda execution: None
        importlib.import_module("emulator.hosted.ministack.calls").run_tasks(self._call)

    def play(self, plays: dict[str, Any]) -> dict[str, Any]:
        """Starts a machine once for each input, in a world of its own; in the first run a step may break.

        Args:
            plays: `machine`, `given`: the inputs, `world`: its arguments, `breaks`: {step: how}: `fails`, `late`, `killed` before
                it has done anything but to start a job, `killed after` it has done what it does.
        """
        self._world, self._breaks = World(**plays["world"]), dict(plays.get("breaks", {}))
        runs = [self._run(plays["machine"], given) for given in plays["given"]]
        return {"runs": runs, "world": self._world.told(), "events": [" ".join(each) for each in self._world.events]}

    def _run(self, machine: str, given: Any) -> dict[str, Any]:
        definition = json.loads(json.dumps(self._machines[machine]))
        for step, how in self._breaks.items():
            if how == "late":
                definition["States"][step]["TimeoutSeconds"] = LATE_S
        run = f"arn:aws:states:us-east-1:123456789012:execution:{machine}:{uuid.uuid4()}"
        of = run.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        self._states._state_machines[of] = {
            "name": machine,
            "stateMachineArn": of,
            "roleArn": "role",
            "definition": json.dumps(definition),
        }
        execution: dict[str, Any] = {
            "stateMachineArn": of,
            "name": run.rpartition(":")[2],
            "status": "RUNNING",
            "startDate": "2026-02-01",
            "input": json.dumps(given),
            "events": [],
        }
        self._states._executions[run] = execution
        self._calls, self._over = [], threading.Event()
        self._states._run_execution(run)
        self._over.set()
        self._breaks = {}
        return {
            **{name: execution.get(name) for name in ("status", "error", "cause")},
            "steps": list(self._entered(execution)),
            "calls": self._calls,
        }

    def _entered(self, execution: dict[str, Any]) -> Iterator[str]:
        return (
            each["stateEnteredEventDetails"]["name"]
            for each in execution["events"]
            if "stateEnteredEventDetails" in each
        )

    def _call(self, role: str, resource: str, given: Any, machine: str, given_up: Any) -> Any:
        execution = [each for each in self._states._executions.values() if each.get("stateMachineArn") == machine][-1]
        step = list(self._entered(execution))[-1]
        how = self._breaks.get(step)
        self._calls.append(step)
        job = next((given[name] for name in JOBS.values() if resource.endswith(".sync") and name in given), None)
        if how == "fails":
            raise TaskFailedError(*_failure(resource, given))
        if how == "late":
            if job:
                self._world.jobs[job] = "InProgress" if "Transform" in resource else "Stopped"
            self._over.wait(10)
            return {}
        if how == "killed":
            execution["status"] = "ABORTED"
            if job:
                # the service stops it with the run
                self._world.jobs[job] = "Stopped"
            return {}
        try:
            return self._world.answer(step, resource, given)
        finally:
            if how == "killed after":
                execution["status"] = "ABORTED"


def _failure(resource: str, given: Any) -> tuple[str, str]:
    """(error, cause) as the service gives them."""
    if resource.endswith(".sync"):
        return "States.TaskFailed", failed_job(resource.rpartition(":")[2], given)
    if "lambda" in resource:
        return "KeyError", json.dumps({"errorMessage": "'no such key'", "errorType": "KeyError"})
    return "Service.BrokenException", "It is broken. "


def main() -> None:
    """Plays what is asked for on standard input, `{"machines": ..., "plays": [...]}`."""
    asked = json.load(sys.stdin)
    player = Player(asked["machines"])
    json.dump([player.play(each) for each in asked["plays"]], sys.stdout)


if __name__ == "__main__":
    main()
