"""Starts the stream application once it is deployed, which CloudFormation does not, and stops it before it goes."""

from __future__ import annotations

from lambda_src.custom_resource import Context, Request, custom_resource
from lambda_src.ports.clients import client
from lambda_src.start_stream.environment import Environment

environment = Environment.read()
analytics = client("kinesisanalyticsv2", timeout_s=10)

RUNS = ("RUNNING", "STARTING", "UPDATING", "AUTOSCALING")


@custom_resource("running")
def handler(request: Request, _: Context) -> dict[str, str]:
    """Works off a request of CloudFormation."""
    name = environment.application_name
    try:
        status = analytics.describe_application(ApplicationName=name)["ApplicationDetail"]["ApplicationStatus"]
    except analytics.exceptions.ResourceNotFoundException:
        if request["RequestType"] == "Delete":
            return {}
        raise
    if request["RequestType"] == "Delete":
        if status in RUNS:
            analytics.stop_application(ApplicationName=name, Force=True)
    elif status not in RUNS:
        analytics.start_application(ApplicationName=name)
    return {}
