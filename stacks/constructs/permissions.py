"""Roles, and what each is allowed: named actions on named resources, with a reason wherever a name is not possible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

UNUSED_LOCALLY = "AllowedButUnused"
"""A role's metadata under this name says why what no local run calls is allowed: {Sid of a statement: {action: reason}}."""

KEY_FOR_SERVICE = "the service uses the key on behalf of the role, which no local run needs"
LOGS_BY_SERVICE = "the service writes the logs itself; local processes write theirs to files"
NETWORK_BY_SERVICE = "the service makes the network interfaces itself; local processes have none"


_SOURCES = {
    # pages procedure-create-iam-role (Step Functions), flow-logs-cwl (VPC); and the roles that EventBridge's console and CDK's
    # own schedules make: a schedule names its group
    "states": "states:{here}:stateMachine:*",
    "vpc-flow-logs": "ec2:{here}:vpc-flow-log/*",
    "events": "events:{here}:rule/*",
    "scheduler": "scheduler:{here}:schedule-group/default",
    "sagemaker": "sagemaker:{here}:*",
    "kinesisanalytics": "kinesisanalytics:{here}:application/*",
}
"""What each service takes roles for. Not Lambda, which takes a function's role for the function and for its pollers."""
_MAY_NOT_SAY = ("sagemaker", "kinesisanalytics")
"""Services that are not known to say so always: page *security-confused-deputy-prevention* of SageMaker has it of training jobs,
no page of Managed Flink's was found. Their roles are kept from what they say is another account's, not from what says nothing."""


def role(scope: Construct, name: str, service: str, says: str) -> iam.Role:
    """A role of its own for one function, job or service, allowed nothing yet.

    The service takes it for what is in this account and region alone, so that nobody can have it act on their behalf.

    Args:
        service: its principal, as `lambda.amazonaws.com`.
    """
    stack, kind = cdk.Stack.of(scope), service.removesuffix(".amazonaws.com")
    if_named = "IfExists" if kind in _MAY_NOT_SAY else ""
    conditions: dict[str, Any] = {f"StringEquals{if_named}": {"aws:SourceAccount": stack.account}}
    if kind != "lambda":
        source = _SOURCES[kind].format(here=f"{stack.region}:{stack.account}")
        conditions[f"ArnLike{if_named}"] = {"aws:SourceArn": f"arn:{cdk.Aws.PARTITION}:{source}"}
    principal = iam.ServicePrincipal(service).with_conditions(conditions)
    return iam.Role(scope, name, assumed_by=principal, description=says)


def allow(
    grantee: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
    unused: str | Mapping[str, str] | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Allows the actions on the resources.

    Args:
        because: why a resource holds a wildcard; needed exactly where one does.
        unused: why a local run does not use these actions on these resources, where it does not; or {action: why}. The
            statement then has a Sid of its own, so that the reason holds for no other.
        conditions: of the statement.
    """
    reasons = dict.fromkeys(actions, unused) if isinstance(unused, str) else dict(unused or {})
    if reasons.keys() - set(actions):
        raise ValueError(f"{grantee.node.path}: a reason is given for what is not allowed: {', '.join(reasons)}")
    sid = _explain(grantee, actions, resources, conditions, reasons) if reasons else None
    grantee.add_to_principal_policy(
        iam.PolicyStatement(
            sid=sid, actions=list(actions), resources=list(resources), conditions=dict(conditions or {})
        )
    )
    wild = [
        text
        for text in (resource_text(cdk.Stack.of(grantee).resolve(resource)) for resource in resources)
        if "*" in text
    ]
    if bool(wild) != bool(because):
        raise ValueError(
            f"{grantee.node.path}: {wild or resources}: a reason is given exactly where there is a wildcard"
        )
    for text in wild:
        acknowledge(grantee, f"AwsSolutions-IAM5[Resource::{text}]", str(because))


def _explain(
    grantee: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, Mapping[str, Any]] | None,
    reasons: Mapping[str, str],
) -> str:
    """Says in the template why a statement is allowed though no local run uses it; gives the statement's Sid."""
    said = [list(actions), list(resources), dict(conditions or {}), dict(reasons)]
    text = json.dumps(cdk.Stack.of(grantee).resolve(said), sort_keys=True)
    sid = f"Unused{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    resource = cast(iam.CfnRole, grantee.node.default_child)
    resource.add_metadata(UNUSED_LOCALLY, {**(resource.get_metadata(UNUSED_LOCALLY) or {}), sid: dict(reasons)})
    return sid


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Acknowledges one finding of cdk-nag or of CDK's own validation on the construct and what is in it."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def allow_key(grantee: iam.Role, key_arn: str, *, for_volumes: bool = False, used: Sequence[str] = ()) -> None:
    """Lets the role use the encryption key; and hand it on to machines' volumes, if asked.

    Args:
        used: what of it a local run uses, too.
    """
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    allow(grantee, actions, [key_arn], unused={one: KEY_FOR_SERVICE for one in actions if one not in used})
    if for_volumes:
        condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        allow(grantee, ["kms:CreateGrant"], [key_arn], unused=KEY_FOR_SERVICE, conditions=condition)
        allow(grantee, ["kms:DescribeKey"], [key_arn], unused=KEY_FOR_SERVICE)


def resource_text(resource: object) -> str:
    """A resource's text as cdk-nag names it in a finding.

    >>> resource_text({"Fn::Join": ["", [{"Fn::GetAtt": ["Archive", "Arn"]}, "/quarantine/*"]]})
    '<Archive.Arn>/quarantine/*'
    """
    if isinstance(resource, str):
        return resource
    if isinstance(resource, dict):
        if "Fn::Join" in resource:
            delimiter, parts = resource["Fn::Join"]
            return str(delimiter).join(map(resource_text, parts))
        if "Fn::GetAtt" in resource:
            return f"<{'.'.join(map(resource_text, resource['Fn::GetAtt']))}>"
        if "Ref" in resource:
            return f"<{resource['Ref']}>"
    return json.dumps(resource, separators=(",", ":"))
