"""What `make deploy` does, against the emulated AWS: assets into the bootstrap bucket, then each stack by a change set.

A stack whose first deployment failed is deleted before it is made anew, as the CDK tool does it. A stream application takes
longer to start than its stack to stand, so its start is waited for, too.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from engines.waiting import wait_until
from local.assembly import Stack
from stacks.recovery import NEVER_STOOD, clear

_log = logging.getLogger(__name__)

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
STACK_TIMEOUT_S = 900
APPLICATION_TIMEOUT_S = 150
"""Its job may take two minutes."""
_APPLICATION = "AWS::KinesisAnalyticsV2::Application"
_POLL_S = 0.1

Client = Callable[[str], Any]
"""Given a service's name, a client of it that acts for the account's root."""


class DeploymentError(RuntimeError):
    """A stack did not come up, or an application in it: names the stack, the resource and the reason."""


def deploy(stacks: Iterable[Stack], client: Client, told: Callable[[str], None] = lambda _: None) -> None:
    """Brings the stacks there, in order; those that stand already are updated. Applications that were started run at the end.

    Args:
        stacks: each after those that it needs.
        client: makes clients of the emulated AWS.
        told: of each stack's name as it begins.

    Raises:
        DeploymentError: one did not come up.
    """
    stacks = list(stacks)
    clear(client("cloudformation"), [stack.name for stack in stacks], _log.warning)
    client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String", Overwrite=True)
    buckets: set[str] = set()
    for stack in stacks:
        told(stack.name)
        for asset in stack.assets:
            if asset.bucket not in buckets:
                client("s3").create_bucket(Bucket=asset.bucket)
                buckets.add(asset.bucket)
            client("s3").put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.body())
        _deploy_stack(stack, client("cloudformation"), client("s3"), next(iter(buckets), None))
    for stack in stacks:
        _wait_for_applications(stack, client)


def outputs(client: Client, stack: str) -> dict[str, str]:
    """A stack's outputs."""
    found = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


def resources(client: Client, stack: str) -> dict[str, tuple[str, str]]:
    """{logical id: (type, physical id)} of a stack."""
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in found}


def _deploy_stack(stack: Stack, cloudformation: Any, s3: Any, bucket: str | None) -> None:
    name = f"deploy-{int(time.time() * 1000)}"
    stands = _status(cloudformation, stack.name)
    if stands in NEVER_STOOD:
        _delete(cloudformation, stack.name)
        stands = ""
    cloudformation.create_change_set(
        StackName=stack.name,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if stands else "CREATE",
        Capabilities=CAPABILITIES,
        **_template(stack, s3, bucket),
    )
    change_set: dict[str, Any] = {}

    def described() -> bool:
        change_set.update(cloudformation.describe_change_set(StackName=stack.name, ChangeSetName=name))
        return change_set["Status"] in ("CREATE_COMPLETE", "FAILED")

    _wait(described, f"{stack.name}: its change set was not made", STACK_TIMEOUT_S)
    if change_set["Status"] == "FAILED":
        reason = change_set.get("StatusReason", "")
        if stands and "didn't contain changes" in reason:
            return
        raise DeploymentError(f"{stack.name}: {reason}")
    # the CDK tool protects a stack before anything in it is made
    cloudformation.update_termination_protection(StackName=stack.name, EnableTerminationProtection=stack.protected)
    cloudformation.execute_change_set(StackName=stack.name, ChangeSetName=name)
    _wait(
        lambda: not _status(cloudformation, stack.name).endswith("IN_PROGRESS"),
        f"{stack.name} was still in progress",
        STACK_TIMEOUT_S,
    )
    if (status := _status(cloudformation, stack.name)) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeploymentError(f"{stack.name}: {status}: {_first_failure(cloudformation, stack.name)}")


def _delete(cloudformation: Any, name: str) -> None:
    cloudformation.delete_stack(StackName=name)
    _wait(
        lambda: not _status(cloudformation, name).endswith("IN_PROGRESS"), f"{name} was being deleted", STACK_TIMEOUT_S
    )
    if status := _status(cloudformation, name):
        raise DeploymentError(f"{name}: {status}: what a failed deployment has left of it cannot be deleted")


def _wait_for_applications(stack: Stack, client: Client) -> None:
    given = {name: one for name, one in stack.template["Resources"].items() if one["Type"] == _APPLICATION}
    made = resources(client, stack.name) if given else {}
    for logical_id, resource in given.items():
        what = f"{stack.name}: {logical_id} ({_APPLICATION})"
        _wait_for_application(client, made[logical_id][1], what, resource["Properties"].get("ApplicationDescription"))


def _wait_for_application(client: Client, name: str, what: str, description: str | None) -> None:
    """Waits until it runs; one that nothing has started rests, and may."""
    described: dict[str, Any] = {}

    def settled() -> bool:
        described.update(client("kinesisanalyticsv2").describe_application(ApplicationName=name)["ApplicationDetail"])
        return described["ApplicationStatus"] not in ("STARTING", "UPDATING")

    _wait(settled, f"{what} had not started", APPLICATION_TIMEOUT_S)
    says = described.get("ApplicationDescription")
    # why a job does not run is said in place of the template's own description
    if described["ApplicationStatus"] == "READY" and says != description:
        raise DeploymentError(f"{what}: {says}")


def _wait(done: Callable[[], bool], what: str, timeout_s: float) -> None:
    wait_until(done, timeout_s, lambda: DeploymentError(f"{what} after {timeout_s:g} s"), every_s=_POLL_S)


def _template(stack: Stack, s3: Any, bucket: str | None) -> dict[str, str]:
    """Large templates go by way of a bucket, as they must."""
    if len(stack.body.encode()) <= 51_200:
        return {"TemplateBody": stack.body}
    key = f"{stack.name}.template.json"
    s3.put_object(Bucket=bucket, Key=key, Body=stack.body.encode())
    return {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{key}"}


def _status(cloudformation: Any, name: str) -> str:
    """The stack's status; empty if there is none."""
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        if "does not exist" in str(error):
            return ""
        raise


def _of_this_deployment(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A stack's events, the newest first, without those of earlier deployments."""
    begins = (
        place
        for place, event in enumerate(events)
        if event["ResourceType"] == "AWS::CloudFormation::Stack"
        and event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    )
    return events[: next(begins, len(events)) + 1]


def _first_failure(cloudformation: Any, name: str) -> str:
    events = _of_this_deployment(cloudformation.describe_stack_events(StackName=name)["StackEvents"])
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    first = failed[-1] if failed else events[-1]
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {first.get('ResourceStatusReason', '')}"
