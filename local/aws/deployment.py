"""What `cdk deploy` does, against the emulated AWS: assets into the bootstrap bucket, then each stack by a change set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from local.aws.assembly import Stack

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_POLL_S = 0.1

Client = Callable[[str], Any]
"""Given a service's name, a client of it that acts for the account's root."""


class DeploymentError(RuntimeError):
    """A stack did not come up: names the stack, the resource and the reason."""


def deploy(stacks: Iterable[Stack], client: Client, told: Callable[[str], None] = lambda _: None) -> None:
    """Brings the stacks there, in order; those that stand already are updated.

    Args:
        stacks: each after those that it needs.
        client: makes clients of the emulated AWS.
        told: of each stack's name as it begins.

    Raises:
        DeploymentError: one did not come up.
    """
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
    cloudformation.create_change_set(
        StackName=stack.name,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if stands else "CREATE",
        Capabilities=CAPABILITIES,
        **_template(stack, s3, bucket),
    )
    while True:
        change_set = cloudformation.describe_change_set(StackName=stack.name, ChangeSetName=name)
        if change_set["Status"] in ("CREATE_COMPLETE", "FAILED"):
            break
        time.sleep(_POLL_S)
    if change_set["Status"] == "FAILED":
        reason = change_set.get("StatusReason", "")
        if stands and "didn't contain changes" in reason:
            return
        raise DeploymentError(f"{stack.name}: {reason}")
    cloudformation.execute_change_set(StackName=stack.name, ChangeSetName=name)
    while (status := _status(cloudformation, stack.name)).endswith("IN_PROGRESS"):
        time.sleep(_POLL_S)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeploymentError(f"{stack.name}: {status}: {_first_failure(cloudformation, stack.name)}")


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


def _first_failure(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    first = failed[-1] if failed else events[-1]
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {first.get('ResourceStatusReason', '')}"
