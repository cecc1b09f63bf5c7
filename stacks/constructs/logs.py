"""Log groups: encrypted, with a retention."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.storage import removal_policy
from stacks.settings import Settings


def log_group(
    scope: Construct, name: str, settings: Settings, key: kms.IKey, *, log_group_name: str | None = None
) -> logs.LogGroup:
    """A log group; its name only where a service asks for a certain one."""
    return logs.LogGroup(
        scope,
        name,
        log_group_name=log_group_name,
        encryption_key=key,
        retention=_RETENTIONS[settings.retention_days],
        removal_policy=removal_policy(settings),
    )


_RETENTIONS = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
