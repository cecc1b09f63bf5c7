"""Roles, and what each is allowed: named actions on named resources, with a reason wherever a name is not possible."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

_SOURCES = {
    # pages procedure-create-iam-role (Step Functions), flow-logs-cwl (VPC); and the roles that EventBridge's console and CDK's
    # own schedules make: a schedule names its group
    "states": "states:{here}:stateMachine:*",
    "vpc-flow-logs": "ec2:{here}:vpc-flow-log/*",
    "events": "events:{here}:rule/*",
    "scheduler": "scheduler:{here}:schedule-group/default",
    "sagemaker": "sagemaker:{here}:*",
    "kinesisanalytics": "kinesisanalytics:{here}:application/*",
    "glue": "glue:{here}:*",
    "apigateway": "execute-api:{here}:*",
    # page confused-deputy-prevention of Fraud Detector
    "frauddetector": "frauddetector:{here}:*",
}
"""What each service takes roles for. Not Lambda, which takes a function's role for the function and for its pollers."""
_MAY_NOT_SAY = ("sagemaker", "kinesisanalytics", "glue", "apigateway")
"""Services that are not known to say so always: page *security-confused-deputy-prevention* of SageMaker has it of training jobs,
no page of Flink's, Glue's or API Gateway's was found. Their roles are kept from what they say is another account's, not from
what says nothing."""


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
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Allows the actions on the resources.

    Args:
        because: why a resource holds a wildcard; needed exactly where one does.
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


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Acknowledges one finding of cdk-nag or of CDK's own validation on the construct and what is in it."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def allow_key(grantee: iam.Role, key_arn: str, *, for_volumes: bool = False) -> None:
    """Lets the role use the encryption key; and hand it on to machines' volumes, if asked."""
    allow(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], [key_arn])
    if for_volumes:
        condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        allow(grantee, ["kms:CreateGrant"], [key_arn], conditions=condition)
        allow(grantee, ["kms:DescribeKey"], [key_arn])


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
