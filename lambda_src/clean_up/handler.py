"""Deletes what stands in the way of a stack's deletion, and what jobs made at run time that no template knows of.

Properties, each of which may be left out:

- `Buckets`: names; all objects go, old versions included.
- `Registry`: model package groups; their versions go.
- `Models`: what names begin with; models and endpoint configurations go.
- `Detectors`: as DETECTOR:MODEL; jobs, detector versions, rules, model versions and the model go.
- `TuningJobs`: what names begin with; running ones are stopped, and start no further training job.
- `Jobs`: what names begin with; running processing, training and transform jobs are stopped.
- `LogStreams`: as GROUP:PREFIX; the group's streams whose names begin with it go.
- `LogGroups`: names.
- `Tables`: as DATABASE/PREFIX; the database's tables whose names are that and a number go.

Creating and updating do nothing, and so does deleting unless the whole stack is being deleted: a resource that an update takes
out of the template (data is to be retained from now on) must not take the data with it. Deleting does as much as the function
has time for, and fails if that is not all: what is gone is gone, so deleting the stack again goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable

from lambda_src.clean_up.buckets import empty_bucket
from lambda_src.clean_up.detectors import take_down_detector
from lambda_src.clean_up.environment import Environment
from lambda_src.clean_up.jobs import stop_jobs, stop_tuning_jobs
from lambda_src.clean_up.logs import delete_log_group, delete_log_streams
from lambda_src.clean_up.models import delete_models, delete_versions
from lambda_src.clean_up.tables import delete_tables
from lambda_src.custom_resource import Request, custom_resource
from lambda_src.ports.clients import client
from lambda_src.telemetry import LambdaContext, logger
from lambda_src.time_left import TimeLeft

environment = Environment.read()

STEPS: dict[str, Callable[[str, TimeLeft], None]] = {
    "TuningJobs": stop_tuning_jobs,
    "Jobs": stop_jobs,
    "Detectors": take_down_detector,
    "LogStreams": delete_log_streams,
    "LogGroups": delete_log_group,
    "Registry": delete_versions,
    "Models": delete_models,
    "Tables": delete_tables,
    "Buckets": empty_bucket,
}
"""{property: what is done for each of its values}, in this order: what writes is stopped first."""

GOING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
"""A stack's status while all of it is deleted, by itself or because it could not be made."""


@custom_resource("leftovers")
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    if request["RequestType"] == "Delete" and _stack_goes(request["StackId"]):
        time_left = TimeLeft(context)
        properties = request["ResourceProperties"]
        for name, delete in STEPS.items():
            for value in properties.get(name, []):
                delete(value, time_left)
    return {}


def _stack_goes(stack: str) -> bool:
    [found] = client("cloudformation", timeout_s=10).describe_stacks(StackName=stack)["Stacks"]
    if found["StackStatus"] not in GOING:
        logger.info("the stack stays, so nothing is deleted", extra={"status": found["StackStatus"]})
    return found["StackStatus"] in GOING
