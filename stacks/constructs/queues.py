"""Queues: encrypted, TLS only, each with a dead-letter queue."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.permissions import acknowledge

ATTEMPTS = 5
"""How often a message is tried before it is sent to the dead-letter queue."""
WAITING = 100
"""How often, where the consumer waits for what runs once at a time, a crawl, a transform or a batch prediction: for ten hours."""


def queue(
    scope: Construct, name: str, key: kms.IKey, *, consumer_timeout: cdk.Duration, attempts: int = ATTEMPTS
) -> sqs.Queue:
    """A queue whose messages stay hidden for six times as long as its consumer may take: no second one takes them meanwhile.

    Args:
        attempts: how often a message is tried; more where its consumer has to wait for what runs once at a time.
    """
    return sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(6 * int(consumer_timeout.to_seconds())),
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=DeadLetters(scope, f"{name}DeadLetters", key), max_receive_count=attempts
        ),
    )


class DeadLetters(sqs.Queue):
    """A queue for what could not be processed."""

    def __init__(self, scope: Construct, name: str, key: kms.IKey) -> None:
        super().__init__(
            scope,
            name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(self, "AwsSolutions-SQS3", "It is a dead-letter queue itself, of a consumer that is not a queue.")

    def take_from(self, service: str) -> None:
        """Lets a service of this account send to it in its own name, as `events`."""
        take_from(self, service)


def take_from(queue: sqs.Queue, service: str) -> None:
    """Lets a service of this account send to a queue in its own name, as `events`."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(queue).account}},
        )
    )


def dead_letters_of(stack: cdk.Stack) -> dict[str, DeadLetters]:
    """All dead-letter queues of a stack, by name."""
    return {queue.node.id: queue for queue in stack.node.find_all() if isinstance(queue, DeadLetters)}
