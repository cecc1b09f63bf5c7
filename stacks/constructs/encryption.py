"""The key that everything at rest is encrypted under."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.storage import removal_policy
from stacks.settings import Settings

_SERVICES = ("sns", "events", "delivery.logs", "s3")
"""Services that encrypt on their own behalf, not on a role's: topics, buses, delivered logs, and what buckets send to queues."""
_FLINK, _FLINK_MACHINES = "kinesisanalytics.amazonaws.com", "infrastructure.kinesisanalytics.amazonaws.com"
"""Managed Flink checks the key as the one, and encrypts an application's state as both."""


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
    own = {"StringEquals": {"aws:SourceAccount": stack.account}}
    applications = stack.format_arn(service="kinesisanalytics", resource="application", resource_name="*")
    of_flink = {"ArnLike": {"kms:EncryptionContext:aws:kinesisanalytics:arn": applications}}
    data = ["kms:Decrypt", "kms:GenerateDataKey"]
    grants = ["kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"]
    for services, actions, conditions in (
        (tuple(f"{service}.amazonaws.com" for service in _SERVICES), data, own),
        # a bus and an application are refused unless the service may look at the key
        (("events.amazonaws.com", _FLINK, _FLINK_MACHINES), ["kms:DescribeKey"], own),
        # an alarm's call does not say which account it is of
        (("cloudwatch.amazonaws.com",), data, {}),
        ((_FLINK,), data, of_flink),
        ((_FLINK_MACHINES,), grants, of_flink),
    ):
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service) for service in services],
                actions=actions,
                resources=["*"],
                conditions=conditions,
            )
        )
    return key
