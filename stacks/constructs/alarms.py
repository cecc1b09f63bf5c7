"""Alarms as a table: what is watched, from which value on somebody is notified, and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.functions import NAMESPACE
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.queues import DeadLetters


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm: goes off when the metric is at or above a value for so many periods in a row.

    Attributes:
        name: its construct's.
        says: what is wrong, and what to look at.
        missing_is_bad: whether no figure at all is as bad as one too high.
    """

    name: str
    metric: cloudwatch.IMetric
    at_least: float
    says: str
    periods: int = 1
    missing_is_bad: bool = False


def own_metric(name: str, statistic: str, minutes: int = 1, **dimensions: str) -> cloudwatch.Metric:
    """A metric of the functions' own."""
    return _metric(NAMESPACE, name, statistic, minutes, dimensions)


def aws_metric(namespace: str, name: str, statistic: str, minutes: int = 1, **dimensions: str) -> cloudwatch.Metric:
    """A metric of a service."""
    return _metric(f"AWS/{namespace}", name, statistic, minutes, dimensions)


def _metric(namespace: str, name: str, statistic: str, minutes: int, dimensions: dict[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        period=cdk.Duration.minutes(minutes),
        dimensions_map=dimensions,
    )


def flagged_percent(minutes: int) -> cloudwatch.MathExpression:
    """The share of decisions that are `review` or `block`, in percent."""
    counts = {
        outcome: own_metric("Decisions", "Sum", minutes, service="decide", outcome=outcome)
        for outcome in ("approve", "review", "block")
    }
    return cloudwatch.MathExpression(
        expression="100 * (FILL(review, 0) + FILL(block, 0)) / (FILL(approve, 0) + FILL(review, 0) + FILL(block, 0))",
        using_metrics=dict(counts),
        period=cdk.Duration.minutes(minutes),
        label="reviewed or blocked, %",
    )


def growth(counter: cloudwatch.Metric) -> cloudwatch.MathExpression:
    """By how much a counter that never goes back has grown since the period before."""
    return cloudwatch.MathExpression(
        expression="DIFF(counter)",
        using_metrics={"counter": counter},
        period=counter.period,
        label=f"{counter.metric_name}, growth",
    )


def added(metrics: Sequence[cloudwatch.Metric], label: str, ids: str = "m") -> cloudwatch.MathExpression:
    """The sum of metrics; one that has no figure counts as 0, as long as another has.

    Args:
        ids: what the metrics' ids begin with; a graph of several sums needs others for each.
    """
    names = {f"{ids}{number}": metric for number, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in names),
        using_metrics=dict(names),
        period=metrics[0].period,
        label=label,
    )


def resting(running: cloudwatch.Metric) -> cloudwatch.MathExpression:
    """1 where a time that something has been running for is 0."""
    return cloudwatch.MathExpression(
        expression="IF(running > 0, 0, 1)", using_metrics={"running": running}, period=running.period, label="at rest"
    )


def topic(scope: Construct, name: str, key: kms.IKey, email: str | None) -> sns.Topic:
    """Where alarms notify people."""
    notified = sns.Topic(scope, name, master_key=key, enforce_ssl=True, display_name="Card fraud alarms")
    # a policy of its own takes the place of the default one, which lets alarms notify it
    notified.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[notified.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
        )
    )
    if email:
        sns.Subscription(
            scope, f"{name}ByMail", topic=notified, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email
        )
    return notified


def notify_of(
    scope: Construct, name: str, key: kms.IKey, bus: str, detail_types: Sequence[str], notified: sns.ITopic
) -> None:
    """Notifies the topic of each event of some types of the application's own: people get what it says.

    A role delivers it: a topic's policy cannot keep EventBridge to one account, which says nothing there that a condition could
    look at (page *eb-use-resource-based*).
    """
    caller = role(
        scope, f"{name}Role", "events.amazonaws.com", f"The event rule that notifies people: {', '.join(detail_types)}"
    )
    allow(caller, ["sns:Publish"], [notified.topic_arn])
    allow_key(caller, key.key_arn)
    queue = DeadLetters(scope, f"{name}NotTold", key)
    queue.take_from("events")
    rule = events.CfnRule(
        scope,
        name,
        event_bus_name=bus,
        event_pattern={"source": ["card-fraud"], "detail-type": [*detail_types]},
        targets=[
            {
                "id": "topic",
                "arn": notified.topic_arn,
                "roleArn": caller.role_arn,
                "inputPath": "$.detail",
                "deadLetterConfig": {"arn": queue.queue_arn},
            }
        ],
    )
    rule.node.add_dependency(caller)


def alarms(scope: Construct, rows: Iterable[Alarm], notified: sns.ITopic) -> list[cloudwatch.Alarm]:
    """The alarms, each of which notifies the topic."""
    made = []
    for row in rows:
        missing: Any = cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            scope,
            row.name,
            metric=row.metric,
            threshold=row.at_least,
            evaluation_periods=row.periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if row.missing_is_bad else missing.NOT_BREACHING,
            alarm_description=row.says,
        )
        alarm.add_alarm_action(actions.SnsAction(notified))
        made.append(alarm)
    return made
