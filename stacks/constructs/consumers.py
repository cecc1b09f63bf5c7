"""What calls functions with batches: a Kafka topic, a queue, a table's stream. All report the failed items of a batch alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.functions import Deployed, allow_network
from stacks.constructs.kafka import OF_VERSIONS, Cluster
from stacks.constructs.permissions import allow
from stacks.constructs.storage import Store
from stacks.settings import Settings

UNDELIVERED = "aws/lambda/"
"""Where Lambda puts the batches that it could not deliver, in the bucket that is named as their destination."""
ATTEMPTS = 5
OLDEST_S = 6 * 3600
POLLERS = "functions"
"""The group of all provisioned pollers: they share what they cost, which each mapping outside of a group pays alone."""


class OfVersion(NamedTuple):
    """A stream job's version, and where readers of its topic begin.

    Attributes:
        begin: seconds since 1970, known once the job has caught up.
    """

    version: str
    begin: str

    @property
    def begin_s(self) -> float:
        """As a number."""
        return float(cdk.Token.as_number(self.begin))


def reads_topic(
    scope: Construct,
    deployed: Deployed,
    settings: Settings,
    *,
    cluster: Cluster,
    topic: str,
    batch_size: int,
    window_s: int,
    undelivered: Store,
    of_version: OfVersion | None = None,
) -> lambda_.CfnEventSourceMapping:
    """Calls the function with the records of a topic.

    By provisioned pollers, a batch that fails is halved until the record that cannot be processed stands alone; that one goes to
    the bucket. By pollers on demand, the whole batch comes again, and goes to the bucket after ten times.

    Args:
        window_s: how long a batch may wait to fill.
        undelivered: the bucket of batches that failed after all retries.
        of_version: if the topic is a stream job's.
    """
    role, group = deployed.role, f"function-{deployed.name}"
    cluster.may_connect(role)
    place: dict[str, Any] = {"starting_position": "TRIM_HORIZON"}
    name = f"{_title(deployed)}From{topic.rstrip('-').capitalize()}"
    if of_version is None:
        cluster.may_read(role, topic, group)
    else:
        # the same for all versions: the reader of the one before goes on until the new one reads
        cluster.may_read(role, f"{topic}*", f"{group}-*", because=OF_VERSIONS)
        # a group that exists goes on where it was, wherever a mapping is to begin (page *kafka-consumer-group-id*)
        group = f"{group}-{of_version.version}-{of_version.begin}"
        topic, name = f"{topic}{of_version.version}", f"{name}{of_version.version}"
        if not settings.replay:  # whose records carry the data's own times
            place = {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": of_version.begin_s}
    allow(
        role,
        ["kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"],
        [cluster.arn],
    )
    allow(
        role,
        ["kafka-cluster:DescribeClusterDynamicConfiguration"],
        [cluster.arn],
    )
    allow_network(role)
    # asked for as the mapping is made
    allow(role, ["s3:ListBucket"], [undelivered.arn])
    allow(
        role,
        ["s3:PutObject"],
        [undelivered.objects(UNDELIVERED)],
        because="Lambda names the objects below its prefix itself.",
    )
    return lambda_.CfnEventSourceMapping(
        scope,
        name,
        function_name=deployed.function.function_name,
        event_source_arn=cluster.arn,
        topics=[topic],
        **place,
        amazon_managed_kafka_event_source_config={"consumerGroupId": group},
        batch_size=batch_size,
        maximum_batching_window_in_seconds=window_s,
        destination_config={"onFailure": {"destination": undelivered.arn}},
        **(_provisioned(settings) if settings.pollers == "provisioned" else {}),
        metrics_config={"metrics": ["EventCount", "KafkaMetrics"]},
    )


def _provisioned(settings: Settings) -> dict[str, Any]:
    """Provisioned pollers, and what only they take (page *kafka-retry-configurations*)."""
    return {
        "provisioned_poller_config": {
            "minimumPollers": settings.consumers_least,
            "maximumPollers": settings.consumers_most,
            "pollerGroupName": POLLERS,
        },
        "function_response_types": ["ReportBatchItemFailures"],
        "bisect_batch_on_function_error": True,
        "maximum_retry_attempts": ATTEMPTS,
        # a replay's records are as old as their data
        "maximum_record_age_in_seconds": -1 if settings.replay else OLDEST_S,
    }


def answers_partially(settings: Settings) -> dict[str, str]:
    """What says to a reader of topics whether its answer may name the records that failed, or has to fail as a whole."""
    return {"PARTIAL_FAILURES": str(settings.pollers == "provisioned").lower()}


def reads_queue(
    scope: Construct, deployed: Deployed, queue: sqs.IQueue, *, batch_size: int
) -> lambda_.CfnEventSourceMapping:
    """Calls the function with the messages of a queue."""
    allow(
        deployed.role,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [queue.queue_arn],
    )
    return _mapping(scope, f"From{queue.node.id}", deployed, queue.queue_arn, batch_size=batch_size, window_s=0)


def reads_changes(
    scope: Construct, deployed: Deployed, *, stream_arn: str, batch_size: int, window_s: int, dead_letters: sqs.Queue
) -> lambda_.CfnEventSourceMapping:
    """Calls the function with the changes of a table."""
    allow(
        deployed.role,
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        [stream_arn],
    )
    allow(
        deployed.role,
        ["dynamodb:ListStreams"],
        ["*"],
        because="Listing streams has no resource.",
    )
    allow(
        deployed.role,
        ["sqs:SendMessage"],
        [dead_letters.queue_arn],
    )
    return _mapping(
        scope,
        "FromChanges",
        deployed,
        stream_arn,
        batch_size=batch_size,
        window_s=window_s,
        starting_position="TRIM_HORIZON",
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=ATTEMPTS,
        maximum_record_age_in_seconds=OLDEST_S,
        destination_config={"onFailure": {"destination": dead_letters.queue_arn}},
    )


def _mapping(
    scope: Construct, name: str, deployed: Deployed, source_arn: str, *, batch_size: int, window_s: int, **more: Any
) -> lambda_.CfnEventSourceMapping:
    mapping = lambda_.CfnEventSourceMapping(
        scope,
        f"{_title(deployed)}{name}",
        function_name=deployed.function.function_name,
        event_source_arn=source_arn,
        batch_size=batch_size,
        maximum_batching_window_in_seconds=window_s,
        function_response_types=["ReportBatchItemFailures"],
        **more,
    )
    mapping.node.add_dependency(deployed.role)
    return mapping


def _title(deployed: Deployed) -> str:
    return "".join(part.capitalize() for part in deployed.name.split("_"))
