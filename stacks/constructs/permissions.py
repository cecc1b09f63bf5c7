"""Roles, and what each is allowed: named actions on named resources, with a reason wherever a name is not possible."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

UNUSED_LOCALLY = "AllowedButUnused"
"""A role's metadata under this name says why an action that no local run calls is allowed: {action: reason}."""

KEY_FOR_SERVICE = "the service calls KMS on behalf of the role, which the emulated AWS does not do"
LOGS_BY_SERVICE = "the service writes the logs itself; local processes write theirs to files"
NETWORK_BY_SERVICE = "the service makes the network interfaces itself; local processes have none"


def role(scope: Construct, name: str, service: str, says: str) -> iam.Role:
    """A role of its own for one function, job or service, allowed nothing yet."""
    return iam.Role(scope, name, assumed_by=iam.ServicePrincipal(service), description=says)


def allow(
    grantee: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
    unused: str | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Allows the actions on the resources.

    Args:
        because: why a resource holds a wildcard; needed exactly where one does.
        unused: why a local run does not use these actions, where it does not.
        conditions: of the statement.
    """
    grantee.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=dict(conditions or {}))
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
    if unused:
        explain_unused(grantee, dict.fromkeys(actions, unused))


def explain_unused(grantee: iam.Role, reasons: Mapping[str, str]) -> None:
    """Says in the template why these actions are allowed though no local run uses them."""
    resource = cast(iam.CfnRole, grantee.node.default_child)
    resource.add_metadata(UNUSED_LOCALLY, {**(resource.get_metadata(UNUSED_LOCALLY) or {}), **reasons})


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Acknowledges one finding of cdk-nag or of CDK's own validation on the construct and what is in it."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def allow_key(grantee: iam.Role, key_arn: str, *, for_volumes: bool = False) -> None:
    """Lets the role use the encryption key; and hand it on to machines' volumes, if asked."""
    allow(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn], unused=KEY_FOR_SERVICE)
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
