"""`fraud detector teardown`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cli.detector.service import Env, service
from cli.progress import console
from lambda_src.ports.detector_teardown import take_down, take_down_all


def teardown(
    env: Env = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Also what the stack made: detector, event type, variables, labels, outcomes.")
    ] = False,
) -> None:
    """Delete what Fraud Detector has of this application, in the order that the service demands.

    Jobs, detector versions, rules, model versions and the model: what was made at run time. `cdk destroy` does the same by
    itself; --all is for where the stack is gone and something stayed. Called again, it goes on where it was.

    Example: fraud detector teardown --env dev
    """
    count = 0
    with service(env) as found:

        def wait(seconds: float, what: str) -> None:
            console.print(f"waiting for {what}", markup=False)
            time.sleep(seconds)

        for gone in (take_down_all if whole else take_down)(found.client, found.detector, found.model, wait):
            typer.echo(f"deleted {gone}")
            count += 1
    console.print(f"{count:,} deleted", markup=False)
