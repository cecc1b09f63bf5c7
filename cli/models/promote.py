"""`fraud models promote`: a version takes over."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.applications import EnvironmentOption
from cli.models.registry import APPROVED, registry
from cli.models.shown import serves
from cli.models.taking_over import Yes, confirmed, planned, take_over


def promote(
    version: Annotated[str, typer.Argument(help="As v7, 7, or the ARN of a model package.", metavar="VERSION")],
    env: EnvironmentOption = None,
    yes: Yes = False,
) -> None:
    """Have a version serve: approve it, and have the training machine bring it behind the canary and its alarms.

    The newest approved version serves. So newer approved ones are rejected, and say why; they can be promoted again. Asks before,
    and says at the end what serves. Where the version does not come to serve, the registry gets its statuses back, the exit
    status is 1, and the endpoint serves what it did.

    Example: fraud models promote v7

    Example: fraud models promote v7 --env prod --yes
    """
    with registry(env) as models:
        versions, served = models.versions(), models.served()
        found = models.version(version, versions)
        plan = planned(models, found, versions, served)
        now = serves(models, versions, served)
        if found.url == served.url and found.status == APPROVED and not plan.aside:
            typer.echo(now)
            return
        confirmed(plan, now, yes)
        typer.echo(take_over(models, plan))
