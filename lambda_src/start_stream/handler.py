"""Starts the stream application once it is deployed, which CloudFormation does not, and stops it before it goes.

Either is done when it has happened: a job that does not run fails the deployment, and nothing is deleted under one that runs.
Property: `ApplicationName`.
"""

from __future__ import annotations

from lambda_src.custom_resource import Request, custom_resource
from lambda_src.ports.clients import client
from lambda_src.start_stream.environment import Environment
from lambda_src.telemetry import LambdaContext
from lambda_src.time_left import TimeLeft

environment = Environment.read()
analytics = client("kinesisanalyticsv2", timeout_s=10)

RUNS = ("RUNNING", "STARTING", "UPDATING", "AUTOSCALING", "MAINTENANCE")
STOPS = ("STOPPING", "FORCE_STOPPING", "ROLLING_BACK")
POLL_S = 2.0


class StreamError(RuntimeError):
    """The application did not start or did not stop: says what became of it."""


@custom_resource("running")
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    name = request["ResourceProperties"]["ApplicationName"]
    try:
        status, _ = _status(name)
    except analytics.exceptions.ResourceNotFoundException:
        if request["RequestType"] == "Delete":
            return {}
        raise
    if request["RequestType"] == "Delete":
        if status in RUNS:
            analytics.stop_application(ApplicationName=name, Force=True)
        _wait(name, ("READY",), (*RUNS, *STOPS), context)
    else:
        if status not in RUNS:
            analytics.start_application(ApplicationName=name)
        _wait(name, ("RUNNING",), (*RUNS, *STOPS), context)
    return {}


def _wait(name: str, wanted: tuple[str, ...], on_the_way: tuple[str, ...], context: LambdaContext) -> None:
    time_left = TimeLeft(context)
    while True:
        status, reason = _status(name)
        if status in wanted:
            return
        if status not in on_the_way:
            raise StreamError(f"{name} is {status}, not {wanted[0]}: {reason}")
        time_left.wait(POLL_S, f"{name} is still {status}, not {wanted[0]}: {reason}")


def _status(name: str) -> tuple[str, str]:
    found = analytics.describe_application(ApplicationName=name)["ApplicationDetail"]
    return found["ApplicationStatus"], found.get("ApplicationDescription", "its logs say why")
