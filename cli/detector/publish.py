"""`fraud detector publish`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cli.detector.service import Env, service
from cli.endings import EndedError
from cli.options import whole
from cli.progress import console
from fraud.detector import Version
from lambda_src.ports.publishing import NotPublishedError, Wanted
from lambda_src.ports.publishing import publish as step
from reading.errors import BadInputError

POLL_S = 10.0
FROM, DEFAULT = "Scores from here on are of", "default: the deployed setting"


def publish(
    env: Env = None,
    version: Annotated[str | None, typer.Option(help="Of the model; default: the newest trained.", metavar="N")] = None,
    high: Annotated[int | None, whole(f"{FROM} high risk; {DEFAULT} detector_high.", 1, 1000)] = None,
    medium: Annotated[int | None, whole(f"{FROM} medium risk; {DEFAULT} detector_medium.", 1, 1000)] = None,
) -> None:
    """Deploy the newest trained version of the model, and publish the detector with it and its rules.

    It waits while the version trains or is being deployed. Called again, it changes nothing; with other thresholds it makes other
    versions of the rules, which hold until the next training is published or the stack Batch is deployed: those use the settings.

    Example: fraud detector publish --env dev --high 950
    """
    try:
        wanted_version = Version.read(version) if version else None
    except ValueError as error:
        raise BadInputError(f"--version: {error}") from error
    said = ""
    with service(env) as found:
        high = found.threshold("High") if high is None else high
        medium = found.threshold("Medium") if medium is None else medium
        if medium >= high:
            raise BadInputError(f"--medium: {medium}, and --high is {high}; allowed: less than --high")
        wanted = Wanted(found.detector, found.model, high, medium)
        while True:
            try:
                done, says = step(found.client, wanted, wanted_version)
            except NotPublishedError as error:
                raise EndedError(str(error), 1) from error
            if says != said:
                console.print(says, markup=False)
            if done:
                return
            said = says
            time.sleep(POLL_S)
