"""Another version takes over: by the status of approvals, and a run of the training machine that brings the newest approved one.

Nothing here touches the endpoint: the machine's run brings the model behind the canary and its alarms, as after every update of a
stack. Where it does not come to serve, the registry gets the statuses back that it had.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.endings import EndedError
from cli.models.registry import APPROVED, IN_SERVICE, PENDING, REJECTED, Models, Served, Version
from cli.models.shown import lacks, serves
from cli.progress import console
from reading.errors import BadInputError

SET_ASIDE = "set aside by a person: "
"""Begins what is written beside the approval of a version in whose place an older one serves: it may be promoted again."""
ROLLED_BACK = "RolledBack"
"""The error of a run whose model an alarm has stopped."""
POLL_S = 2.0
FAILED = 1

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


class Plan(NamedTuple):
    """What is to be done.

    Attributes:
        version: is to serve.
        aside: the newer approved ones, which would serve in its place.
    """

    version: Version
    aside: list[Version]


def planned(models: Models, version: Version, versions: list[Version], served: Served) -> Plan:
    """What is to be done so that a version serves.

    Raises:
        BadInputError: it cannot serve.
    """
    if served.status != IN_SERVICE:
        raise BadInputError(
            f"the endpoint is {served.status} and takes no other model meanwhile; allowed: {IN_SERVICE}: wait until it has "
            "settled"
        )
    if version.status == REJECTED and not version.says.startswith(SET_ASIDE):
        because = f": {version.says}" if version.says else ", by an alarm while it took over, or by a person"
        raise BadInputError(
            f"{version.name} is rejected{because}; allowed: one that is approved, pending, or was set aside by a rollback"
        )
    if problem := lacks(models.judged(version, served)):
        raise BadInputError(f"{version.name} cannot serve: it {problem}")
    newer = [one for one in versions if one.number > version.number]
    bringing = next((one for one in newer if one.status == PENDING and one.url == served.url), None)
    if bringing is not None:
        raise BadInputError(f"a run of the training machine is bringing {bringing.name}: wait until it has ended")
    # one that this release cannot give all it takes does not stand in the way, and is the champion of the release that can
    able = [one for one in newer if one.status == APPROVED and not lacks(models.judged(one, served))]
    return Plan(version, able)


def confirmed(plan: Plan, says: str, yes: bool) -> None:
    """Asks whoever types.

    Raises:
        BadInputError: nobody is there to be asked.
        Abort: the answer is no.
    """
    if yes:
        return
    what = f"{says}. {plan.version.name} takes over behind the canary"
    if plan.aside:
        what += f"; {', '.join(one.name for one in plan.aside)} will be rejected, to be promoted again if wanted"
    if not sys.stdin.isatty():
        raise BadInputError(f"{what}: nobody is there to be asked; do it with --yes")
    if not typer.confirm(f"{what}. Go on?", err=True):
        console.print("Nothing was changed.", markup=False)
        raise typer.Exit(0)


def take_over(models: Models, plan: Plan, sleep: Callable[[float], None] = time.sleep) -> str:
    """Does it, and waits.

    Returns:
        Which version serves, as the machine's run says it.

    Raises:
        EndedError: it does not serve; says what does, and how the registry stands.
    """
    changes = [(plan.version, APPROVED, "promoted by a person")]
    changes += [(one, REJECTED, f"{SET_ASIDE}{plan.version.name} serves in its place") for one in plan.aside]
    changed: list[Version] = []
    try:
        for version, status, says in changes:
            models.decide(version, status, says)
            changed.append(version)
        machine = models.reached.output("Training", "TrainingStateMachine")
        states = models.reached.client("stepfunctions")
        run = states.start_execution(stateMachineArn=machine, input=json.dumps({"redeploy": True}))["executionArn"]
    except (BotoCoreError, ClientError, BadInputError) as error:
        _put_back(models, changed)
        raise EndedError(f"nothing was deployed, and the registry is as it was: {error}", FAILED) from error
    console.print(f"{plan.version.name} takes over: {run}", markup=False, soft_wrap=True)
    try:
        ended = _ended(states, run, sleep)
    except KeyboardInterrupt as interrupt:
        raise EndedError(
            f"interrupted; the run goes on: {run}. `fraud models list` says what serves", 130
        ) from interrupt
    if ended["status"] == "SUCCEEDED" and models.served().url == plan.version.url:
        return str(json.loads(ended["output"])["sentence"])
    _put_back(models, changed)
    stopped = ended.get("error") == ROLLED_BACK
    if stopped and plan.version.status == PENDING:
        # as the machine has it with a candidate: it shall not be tried again by itself
        models.decide(plan.version, REJECTED, "an alarm went off while it took over")
    versions, served = models.versions(), models.served()
    raise EndedError(
        f"{plan.version.name} does not serve: {_why(ended)} The registry is as it was"
        f"{f', but {plan.version.name} is rejected' if stopped and plan.version.status == PENDING else ''}. "
        f"{serves(models, versions, served)}",
        FAILED,
    )


def _put_back(models: Models, changed: list[Version]) -> None:
    """Gives versions the statuses back that they had, the newest first, so that none older serves meanwhile."""
    for version in sorted(changed, key=lambda one: -one.number):
        models.decide(version, version.status, version.says)


def _ended(states: Any, run: str, sleep: Callable[[float], None]) -> dict[str, Any]:
    """The run, once it has ended."""
    while True:
        found: dict[str, Any] = states.describe_execution(executionArn=run)
        if found["status"] != "RUNNING":
            return found
        sleep(POLL_S)


def _why(ended: dict[str, Any]) -> str:
    """Why a run brought another model than it was to, or none."""
    if ended["status"] == "SUCCEEDED":
        return f"{json.loads(ended['output']).get('sentence', 'the run says nothing')}."
    return ended.get("cause") or f"the run ended as {ended['status']}: {ended.get('error', 'no error is named')}."
