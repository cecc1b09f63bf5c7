"""Buckets: encrypted under the project's key, closed to the public, logged, and what other stacks see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.permissions import acknowledge
from stacks.settings import Settings

NOT_CURRENT_DAYS = 30
"""How long a version that was overwritten or deleted is kept."""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """A queue that a bucket tells of new objects, and of which ones."""

    queue: sqs.Queue
    prefix: str
    suffix: str

    def configuration(self) -> s3.CfnBucket.QueueConfigurationProperty:
        """As the bucket's configuration has it."""
        rules = {"prefix": self.prefix, "suffix": self.suffix}
        key = s3.CfnBucket.S3KeyFilterProperty(
            rules=[s3.CfnBucket.FilterRuleProperty(name=name, value=value) for name, value in rules.items()]
        )
        return s3.CfnBucket.QueueConfigurationProperty(
            event="s3:ObjectCreated:*",
            queue=self.queue.queue_arn,
            filter=s3.CfnBucket.NotificationFilterProperty(s3_key=key),
        )


@dataclass(frozen=True, kw_only=True)
class Store:
    """A bucket as other stacks see it."""

    name: str
    arn: str

    def objects(self, prefix: str = "") -> str:
        """The ARN of all objects under a prefix."""
        return f"{self.arn}/{prefix}*"

    def uri(self, prefix: str = "") -> str:
        """The S3 URI of a prefix."""
        return f"s3://{self.name}/{prefix}"


def removal_policy(settings: Settings) -> cdk.RemovalPolicy:
    """What the settings say becomes of data when its stack is deleted.

    What is to be kept is deleted all the same where the very deployment that makes it fails (`RetainExceptOnCreate`): it holds
    nothing yet, and its name would be in the next deployment's way.
    """
    return cdk.RemovalPolicy.DESTROY if settings.removal == "destroy" else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def log_bucket(scope: Construct, name: str, settings: Settings) -> s3.Bucket:
    """The bucket that the other buckets' access logs go to. S3 writes them only under a key of its own."""
    bucket = s3.Bucket(
        scope,
        name,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy(settings),
        lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(settings.retention_days))],
    )
    acknowledge(
        bucket, "AwsSolutions-S1", "It is the bucket that access logs go to; its own would go round in a circle."
    )
    return bucket


def data_bucket(
    scope: Construct,
    name: str,
    settings: Settings,
    *,
    key: kms.IKey,
    logs: s3.IBucket,
    expiring: dict[str, int] | None = None,
    events: bool = False,
    versioned: bool = True,
    arrivals: Sequence[Arrivals] = (),
) -> s3.Bucket:
    """A bucket of data.

    Args:
        expiring: {prefix: days after which its objects are deleted}; the empty prefix is all of them.
        events: whether it notifies EventBridge of new objects.
        versioned: whether what is deleted or overwritten stays for a while.
        arrivals: the queues that it tells of new objects.
    """
    rules = [
        s3.LifecycleRule(
            id="old-versions" if versioned else "unfinished",
            noncurrent_version_expiration=cdk.Duration.days(NOT_CURRENT_DAYS) if versioned else None,
            abort_incomplete_multipart_upload_after=cdk.Duration.days(7 if versioned else 1),
        )
    ]
    for prefix, days in (expiring or {}).items():
        rule = f"expire-{prefix.strip('/') or 'all'}"
        rules.append(s3.LifecycleRule(id=rule, prefix=prefix or None, expiration=cdk.Duration.days(days)))
    bucket = s3.Bucket(
        scope,
        name,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=versioned,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{name.lower()}/",
        removal_policy=removal_policy(settings),
        lifecycle_rules=rules,
    )
    resource = bucket.node.default_child
    if (events or arrivals) and isinstance(resource, s3.CfnBucket):
        # set here rather than by CDK's own ways, which bring a function and a role of its own to do so
        notified = s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True) if events else None
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=notified,
            queue_configurations=[each.configuration() for each in arrivals] or None,
        )
        for each in arrivals:
            # S3 asks the queue as it is told of it (page *ways-to-add-notification-config-to-bucket*)
            resource.node.add_dependency(each.queue)
    return bucket
