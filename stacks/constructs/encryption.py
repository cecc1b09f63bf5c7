"""The key that everything at rest is encrypted under."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.storage import removal_policy
from stacks.settings import Settings

_SERVICES = ("sns", "events", "cloudwatch", "delivery.logs")
"""Services that encrypt on their own behalf, not on a role's: topics, buses, alarms and delivered logs."""


def project_key(scope: Construct, name: str, settings: Settings) -> kms.Key:
    """A key that rotates each year. Roles of this account are allowed by their own policies; services are named here."""
    stack = cdk.Stack.of(scope)
    key = kms.Key(
        scope,
        name,
        description=f"Card fraud, {settings.env}: data, queues, topics, logs",
        enable_key_rotation=True,
        removal_policy=removal_policy(settings),
        pending_window=cdk.Duration.days(7),
    )
    crypt = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
    ]
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=crypt,
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": f"arn:{cdk.Aws.PARTITION}:logs:{stack.region}:{stack.account}:*"
                }
            },
        )
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com") for service in _SERVICES],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
    )
    return key
