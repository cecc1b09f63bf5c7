"""The stream: its topics, the job of this release, and how it takes over from the one before without a gap.

`docs/stream-job.md` tells the order of an update. What belongs to one version of the job has the version in its id, so that
CloudFormation makes it beside that of the version before, and deletes that at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.consumers import OfVersion
from stacks.constructs.functions import Deployed, Functions
from stacks.constructs.kafka import (
    FEATURES_TOPICS,
    OF_VERSIONS,
    TRANSACTIONS_TOPIC,
    Cluster,
    features_topic,
    transactions_topic,
)
from stacks.constructs.network import Network
from stacks.constructs.permissions import allow
from stacks.constructs.stream_job import GROUP, StreamJob, stream_version
from stacks.names import stream_prefix
from stacks.settings import Settings

CALL_S, ANSWER_S = 900, 60
"""How long a call of a function lasts at most (page *gettingstarted-limits*), and what of it is kept for the answer."""
DECIDED_BY_THEN_S = 300
"""How long the fallback rule itself may take."""
ALL = "0"
"""Since when records matter, if all do."""


class Stream(Construct):
    """Topics and the job.

    Attributes:
        version: of the job.
        topics: made when this is.
        brokers: HOST:PORT, several separated by commas.
        job: runs when `for_readers` is known.
        for_readers: where readers of its topic begin, known once it has caught up.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        functions: Functions,
        cluster: Cluster,
        network: Network,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._functions, self._cluster, self._network = settings, functions, cluster, network
        self.version = stream_version(settings)
        self._make_topics = self._topic_maker()
        self.topics = self._created("Topics", transactions_topic(settings), deleted=False)
        self.brokers = self.topics.get_att_string("BootstrapServers")
        self.job = StreamJob(
            self,
            "Job",
            settings,
            version=self.version,
            cluster=cluster,
            brokers=self.brokers,
            network=network,
            key=key,
        )
        self._catch_up = self._waiter()
        self.for_readers = OfVersion(self.version, self._caught_up(self._started(key)))

    def read_by(self, mappings: Sequence[lambda_.CfnEventSourceMapping]) -> None:
        """Waits until these have read the job's topic: one may take minutes to begin (page *kafka-starting-positions*), and those
        of the version before end only when all is made."""
        for mapping in mappings:
            config = cast(
                "lambda_.CfnEventSourceMapping.AmazonManagedKafkaEventSourceConfigProperty",
                mapping.amazon_managed_kafka_event_source_config,
            )
            self._waits(
                f"{mapping.node.id}CaughtUp",
                mapping,
                group=str(config.consumer_group_id),
                topic=self.job.topic,
                since=ALL if self._settings.replay else f"{self.for_readers.begin}000",
            )

    def _topic_maker(self) -> Deployed:
        made = self._functions.function(
            "create_topics",
            says="makes the topics, tells the brokers",
            environment={"CLUSTER_ARN": self._cluster.arn},
            timeout_s=300,
            memory_mb=256,
            layers=("functions-kafka",),
            network=self._network,
        )
        allow(made.role, ["kafka:GetBootstrapBrokers"], [self._cluster.arn])
        self._cluster.may_connect(made.role)
        self._cluster.may_make_topics(made.role)
        return made

    def _created(self, name: str, topic: dict[str, Any], *, deleted: bool) -> cdk.CustomResource:
        """A topic.

        Args:
            deleted: whether it goes with the resource.
        """
        made = cdk.CustomResource(
            self,
            name,
            service_token=self._make_topics.function.function_arn,
            resource_type="Custom::KafkaTopics",
            # another cluster needs them made anew
            properties={
                "Cluster": self._cluster.arn,
                "Topics": [topic],
                **({"Deleted": "true"} if deleted else {}),
            },
        )
        made.node.add_dependency(self._make_topics.role, self._network)
        return made

    def _started(self, key: kms.IKey) -> cdk.CustomResource:
        """The job runs. One of another version is started beside the one before, which ends after the update."""
        stack = cdk.Stack.of(self)
        start = self._functions.function(
            "start_stream",
            says="starts the stream job, which is created at rest",
            environment={},
            timeout_s=CALL_S,
            memory_mb=256,
        )
        arn = stack.format_arn(
            service="kinesisanalytics", resource="application", resource_name=f"{stream_prefix(self._settings)}*"
        )
        allow(
            start.role,
            [f"kinesisanalytics:{verb}Application" for verb in ("Describe", "Start", "Stop")],
            [arn],
            because=OF_VERSIONS,
        )
        # whoever starts an application hands its key on to it
        via = {"StringEquals": {"kms:ViaService": f"kinesisanalytics.{stack.region}.amazonaws.com"}}
        allow(
            start.role,
            ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"],
            [key.key_arn],
            conditions=via,
        )
        topic = self._created(f"Features{self.version}", features_topic(self._settings, self.version), deleted=True)
        started = cdk.CustomResource(
            self,
            f"Started{self.version}",
            service_token=start.function.function_arn,
            resource_type="Custom::StartedStream",
            properties={"ApplicationName": self.job.application.ref},
        )
        started.node.add_dependency(start.role, self.job, topic)
        return started

    def _waiter(self) -> Deployed:
        waiter = self._functions.function(
            "catch_up",
            says="waits until a reader of a topic has read all of it",
            environment={"CLUSTER_ARN": self._cluster.arn},
            timeout_s=CALL_S,
            memory_mb=256,
            layers=("functions-kafka",),
            network=self._network,
        )
        allow(waiter.role, ["kafka:GetBootstrapBrokers"], [self._cluster.arn])
        self._cluster.may_connect(waiter.role)
        self._cluster.may_follow(waiter.role, [TRANSACTIONS_TOPIC, f"{FEATURES_TOPICS}*"], [f"{GROUP}*", "function-*"])
        return waiter

    def _caught_up(self, started: cdk.CustomResource) -> str:
        """Where readers of the job's topic begin, once it knows what a job that has run for long would know.

        One call of a function is over in 15 minutes and one resource in an hour: so several wait, one after the other.
        """
        calls = math.ceil(self._settings.catch_up_minutes * 60 / (CALL_S - ANSWER_S))
        before = started
        for call in range(1, calls + 1):
            number = "Last" if call == calls else str(call)
            before = self._waits(
                f"CaughtUp{self.version}{number}",
                before,
                group=self.job.group,
                topic=TRANSACTIONS_TOPIC,
                last=call == calls,
            )
        return before.get_att_string("From")

    def _waits(
        self, name: str, after: Construct, *, group: str, topic: str, since: str = ALL, last: bool = True
    ) -> cdk.CustomResource:
        """Waits until a consumer group has read a topic."""
        waited = cdk.CustomResource(
            self,
            name,
            service_token=self._catch_up.function.function_arn,
            service_timeout=cdk.Duration.seconds(CALL_S + 60),
            resource_type="Custom::CaughtUp",
            properties={
                "Group": group,
                "Topic": topic,
                "Since": since,
                "Clock": "data" if self._settings.replay else "broker",
                "Last": str(last).lower(),
                # what is older has its decision, if from no one else than from the fallback rule
                "BeginBefore": str(self._settings.undecided_after_s + DECIDED_BY_THEN_S),
            },
        )
        waited.node.add_dependency(self._catch_up.role, self._network, after)
        return waited
