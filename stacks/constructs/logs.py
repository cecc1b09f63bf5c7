"""Log groups: encrypted, with a retention."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.storage import removal_policy
from stacks.settings import Settings


def log_group(
    scope: Construct, name: str, settings: Settings, key: kms.IKey, *, vended: str | None = None
) -> logs.LogGroup:
    """A log group.

    Args:
        vended: the service that delivers logs to it by the account's resource policy, where one does. Such a group's name begins
            with /aws/vendedlogs/: each other one takes its place in that policy, which may have 5,120 characters (pages *bp-cwl*
            of Step Functions and *AWS-logs-infrastructure-CWL*).
    """
    return logs.LogGroup(
        scope,
        name,
        log_group_name=_vended_name(scope, name, vended) if vended else None,
        encryption_key=key,
        retention=_RETENTIONS[settings.retention_days],
        removal_policy=removal_policy(settings),
    )


def _vended_name(scope: Construct, name: str, service: str) -> str:
    """A name that no other group has, not even one that an earlier stack of the same name has left."""
    place = cdk.Names.unique_resource_name(scope, max_length=150, separator="-")
    stack_uuid = cdk.Fn.select(2, cdk.Fn.split("/", cdk.Stack.of(scope).stack_id))
    return f"/aws/vendedlogs/{service}/{place}-{name}-{stack_uuid}"


_RETENTIONS = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
