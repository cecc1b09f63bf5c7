"""`fraud models rollback`: a version from before takes over again."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.applications import EnvironmentOption
from cli.models.registry import APPROVED, Models, Served, Version, registry
from cli.models.shown import lacks, serves
from cli.models.taking_over import Yes, confirmed, planned, take_over
from reading.errors import BadInputError


def rollback(
    to: Annotated[
        str | None,
        typer.Option(help="The version; default: the newest approved one before that which serves.", metavar="VERSION"),
    ] = None,
    env: EnvironmentOption = None,
    yes: Yes = False,
) -> None:
    """Have a version from before serve again: the newer ones are rejected, and the training machine brings it.

    Those that are rejected say why, and can be promoted again. Asks before, and says at the end what serves; ends as `fraud
    models promote` does where the version does not come to serve.

    Example: fraud models rollback

    Example: fraud models rollback --to v5 --env prod --yes
    """
    with registry(env) as models:
        versions, served = models.versions(), models.served()
        serving = next((one for one in versions if one.url == served.url), None)
        if serving is None:
            raise BadInputError(f"{serves(models, versions, served)}; there is no version to roll back from")
        plan = planned(models, _before(models, versions, serving, served, to), versions, served)
        confirmed(plan, serves(models, versions, served), yes)
        typer.echo(take_over(models, plan))


def _before(models: Models, versions: list[Version], serving: Version, served: Served, to: str | None) -> Version:
    """The version to go back to."""
    if to is not None:
        named = models.version(to, versions)
        if named.number >= serving.number:
            raise BadInputError(
                f"--to: {named.name} is not from before {serving.name}, which serves; allowed: an older one. "
                "`fraud models promote` brings a newer one"
            )
        return named
    older = (one for one in versions if one.number < serving.number and one.status == APPROVED)
    found = next((one for one in older if not lacks(models.judged(one, served))), None)
    if found is None:
        raise BadInputError(
            f"no approved version from before {serving.name}, which serves, is one whose features this release computes; "
            "`fraud models list` shows all"
        )
    return found
