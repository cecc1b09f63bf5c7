"""Queues: encrypted, TLS only, each with a dead-letter queue."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.permissions import acknowledge

ATTEMPTS = 5
"""How often a message is tried before it goes to the dead letters."""


def queue(scope: Construct, name: str, key: kms.IKey, *, consumer_timeout: cdk.Duration) -> sqs.Queue:
    """A queue whose messages stay hidden for six times as long as its consumer may take: no second one takes them meanwhile."""
    return sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(6 * int(consumer_timeout.to_seconds())),
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=dead_letters(scope, f"{name}DeadLetters", key), max_receive_count=ATTEMPTS
        ),
    )


def dead_letters(scope: Construct, name: str, key: kms.IKey) -> sqs.Queue:
    """A queue for what could not be worked off."""
    queue = sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
    )
    acknowledge(queue, "AwsSolutions-SQS3", "It is a dead-letter queue itself, of a consumer that is not a queue.")
    return queue
