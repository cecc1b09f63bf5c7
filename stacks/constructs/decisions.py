"""Where decisions go: the table that keeps one a transaction, the bus that notifies of those a person must see, and the table of
what comes back about them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.queues import DeadLetters
from stacks.constructs.storage import removal_policy
from stacks.settings import Settings


def decisions_table(scope: Construct, name: str, settings: Settings, key: kms.IKey) -> dynamodb.Table:
    """The table, by `transaction_id`; its stream carries each decision once it is there."""
    return dynamodb.Table(
        scope,
        name,
        partition_key=dynamodb.Attribute(name="transaction_id", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification={"point_in_time_recovery_enabled": True},
        stream=dynamodb.StreamViewType.NEW_IMAGE,
        removal_policy=removal_policy(settings),
        deletion_protection=settings.removal == "retain",
    )


def labels_table(scope: Construct, name: str, settings: Settings, key: kms.IKey) -> dynamodb.Table:
    """The table of labels, by `transaction_id` and, within it, by `label_id`, which begins with when each became known."""
    return dynamodb.Table(
        scope,
        name,
        partition_key=dynamodb.Attribute(name="transaction_id", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="label_id", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        point_in_time_recovery_specification={"point_in_time_recovery_enabled": True},
        removal_policy=removal_policy(settings),
        deletion_protection=settings.removal == "retain",
    )


def event_bus(scope: Construct, name: str, key: kms.IKey) -> events.CfnEventBus:
    """The bus: what was decided and must be seen, labels, drift, how many labels there are, and what should be done."""
    undelivered = DeadLetters(scope, f"{name}DeadLetters", key)
    undelivered.take_from("events")
    return events.CfnEventBus(
        scope,
        name,
        # the type asks for a name; it says nothing that a change could need another bus for
        name=cdk.Names.unique_resource_name(scope, max_length=60, separator="-"),
        description="Card fraud: what was decided, and what should be done",
        kms_key_identifier=key.key_arn,
        dead_letter_config={"arn": undelivered.queue_arn},
    )
