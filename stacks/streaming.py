"""Streaming: the network and Kafka, the stream job, the functions around it, and where decisions go."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from fraud.features.groups import NIGHTLY_GROUP, STREAM_GROUP
from stacks.base import FraudStack
from stacks.constructs import consumers
from stacks.constructs.decisions import decisions_table, event_bus
from stacks.constructs.feature_groups import group_arn
from stacks.constructs.functions import Deployed, Functions
from stacks.constructs.kafka import FEATURES_TOPICS, TRANSACTIONS_TOPIC, Cluster
from stacks.constructs.network import Network
from stacks.constructs.permissions import allow
from stacks.constructs.queues import DeadLetters, queue
from stacks.constructs.stream import Stream
from stacks.data import DECISIONS, QUARANTINE, TRANSACTIONS, Data
from stacks.features import Features
from stacks.serving import Serving
from stacks.settings import Settings

DECIDED_TOGETHER = 99
"""Transactions decided together, at most: one read of the nightly features takes 100 records (page feature-store-quotas), and all
categories' figures are one of them."""
INGEST_BATCH = 100
ARCHIVE_BATCH = 10_000
ARCHIVE_WINDOW_S = 300
WATCH_TIMEOUT_S = 30
OWN_PREFIX = "The objects below the function's own prefix are named by the function."


class Streaming(FraudStack):
    """Every transaction gets its decision here."""

    def __init__(
        self, scope: Construct, settings: Settings, *, data: Data, features: Features, serving: Serving
    ) -> None:
        description = "Card fraud: Kafka, the stream job, the deciding functions, decisions and their events"
        # features: what is written into a group stands in it first
        super().__init__(scope, "Streaming", settings, description, (data, features, serving))
        self._data = data
        self.network = Network(self, "Network", settings, data.key)
        self.cluster = Cluster(self, "Kafka", settings, network=self.network, key=data.key)
        self.functions = Functions(self, "Functions", settings, data.key)
        self.decisions = decisions_table(self, "Decisions", settings, data.key)
        self.bus = event_bus(self, "Events", data.key)

        self.stream = Stream(
            self,
            "Stream",
            settings,
            functions=self.functions,
            cluster=self.cluster,
            network=self.network,
            key=data.key,
        )
        self.topic_readers: dict[str, lambda_.CfnEventSourceMapping] = {}
        self._accept_and_watch()
        self._decide(serving)
        self._ingest_features()
        self.stream.read_by([self._of_features(name) for name in ("decide", "ingest_features")])
        self._archive()

        self.output("ClusterArn", self.cluster.arn, "Kafka cluster: topic transactions, and the stream job's")
        self.output("FeaturesTopic", self.stream.job.topic, "topic that the stream job writes")
        self.output("BootstrapServers", self.stream.brokers, "Kafka's brokers (IAM, TLS)")
        self.output("DecisionsTable", self.decisions.table_name, "one decision a transaction")
        self.output("EventBus", self.bus.attr_name, "events Transaction review and Transaction block")
        self.output("StreamApplication", self.stream.job.application.ref, "the stream job")

    @property
    def availability_zones(self) -> list[str]:
        """The ids of those that the Kafka cluster stands in: the same in every account."""
        return list(self.settings.network_zones)

    @property
    def _quarantine(self) -> dict[str, str]:
        return {"QUARANTINE_BUCKET": self._data.archive.name, "QUARANTINE_PREFIX": QUARANTINE}

    def _accept_and_watch(self) -> None:
        timeout = cdk.Duration.seconds(WATCH_TIMEOUT_S)
        waiting = queue(self, "Watch", self._data.key, consumer_timeout=timeout)
        seconds = str(self.settings.undecided_after_s)
        accept = self.functions.function(
            "accept",
            says="sends invalid transactions to the quarantine, has valid ones watched",
            environment={
                "WATCH_QUEUE_URL": waiting.queue_url,
                "UNDECIDED_AFTER_S": seconds,
                "UNDECLARED_FIELDS": self.settings.undeclared_fields,
                **self._quarantine,
                **consumers.answers_partially(self.settings),
            },
            timeout_s=60,
            memory_mb=512,
        )
        allow(accept.role, ["sqs:SendMessage"], [waiting.queue_arn])
        self._may_quarantine(accept.role)
        self._reads(accept, TRANSACTIONS_TOPIC, batch_size=1000, window_s=1)
        watch = self.functions.function(
            "watch",
            says="decides by the fallback rule what is still undecided",
            environment={
                "DECISIONS_TABLE": self.decisions.table_name,
                "EVENT_BUS_NAME": self.bus.attr_name,
                "FALLBACK_RULE": self.settings.fallback_rule.model_dump_json(),
                "UNDECIDED_AFTER_S": seconds,
                **self._quarantine,
            },
            timeout_s=WATCH_TIMEOUT_S,
            memory_mb=512,
        )
        self._may_decide(watch.role)
        self._may_quarantine(watch.role)
        consumers.reads_queue(self, watch, waiting, batch_size=10)

    def _decide(self, serving: Serving) -> None:
        decide = self.functions.function(
            "decide",
            says="decides every transaction on its own features",
            environment={
                "NIGHTLY_FEATURE_GROUP": NIGHTLY_GROUP.name,
                "ENDPOINT_NAME": serving.endpoint_name,
                "DECISIONS_TABLE": self.decisions.table_name,
                "EVENT_BUS_NAME": self.bus.attr_name,
                "FALLBACK_RULE": self.settings.fallback_rule.model_dump_json(),
                "NIGHTLY_TOO_OLD_AFTER_H": f"{self.settings.nightly_too_old_after_h:g}",
                "CONTROL_GROUP_PERCENT": f"{self.settings.control_group_percent:g}",
                **self._quarantine,
                **consumers.answers_partially(self.settings),
            },
            timeout_s=60,
            memory_mb=1769,  # a whole processor
        )
        allow(decide.role, ["sagemaker:BatchGetRecord"], [group_arn(self, NIGHTLY_GROUP.name)])
        allow(decide.role, ["sagemaker:InvokeEndpoint"], [serving.endpoint_arn])
        self._may_decide(decide.role)
        self._may_quarantine(decide.role)
        self._reads(decide, FEATURES_TOPICS, batch_size=DECIDED_TOGETHER, window_s=0)

    def _ingest_features(self) -> None:
        ingest = self.functions.function(
            "ingest_features",
            says="keeps each card's newest features in the store",
            environment={
                "STREAM_FEATURE_GROUP": STREAM_GROUP.name,
                "FEATURES_TTL_DAYS": str(self.settings.features_ttl_days),
                **consumers.answers_partially(self.settings),
            },
            timeout_s=60,
            memory_mb=512,
        )
        allow(ingest.role, ["sagemaker:BatchWriteRecord", "sagemaker:PutRecord"], [group_arn(self, STREAM_GROUP.name)])
        self._reads(ingest, FEATURES_TOPICS, batch_size=INGEST_BATCH, window_s=1)

    def _archive(self) -> None:
        archive = self.functions.function(
            "archive",
            says="keeps transactions and decisions as Parquet",
            environment={
                "ARCHIVE_BUCKET": self._data.archive.name,
                "TRANSACTIONS_PREFIX": TRANSACTIONS,
                "DECISIONS_PREFIX": DECISIONS,
                "QUARANTINE_PREFIX": QUARANTINE,
                "UNDECLARED_FIELDS": self.settings.undeclared_fields,
            },
            timeout_s=120,
            memory_mb=1024,
            layers=("functions-parquet",),
        )
        kept = [self._data.archive.objects(prefix) for prefix in (TRANSACTIONS, DECISIONS)]
        allow(archive.role, ["s3:PutObject"], kept, because=OWN_PREFIX)
        self._may_quarantine(archive.role)
        self._reads(archive, TRANSACTIONS_TOPIC, batch_size=ARCHIVE_BATCH, window_s=ARCHIVE_WINDOW_S)
        consumers.reads_changes(
            self,
            archive,
            stream_arn=str(self.decisions.table_stream_arn),
            batch_size=ARCHIVE_BATCH,
            window_s=ARCHIVE_WINDOW_S,
            dead_letters=DeadLetters(self, "DecisionsNotArchived", self._data.key),
        )

    def _reads(self, deployed: Deployed, topic: str, *, batch_size: int, window_s: int) -> None:
        mapping = consumers.reads_topic(
            self,
            deployed,
            self.settings,
            cluster=self.cluster,
            topic=topic,
            batch_size=batch_size,
            window_s=window_s,
            undelivered=self._data.archive,
            of_version=self.stream.for_readers if topic == FEATURES_TOPICS else None,
        )
        mapping.node.add_dependency(self.stream.topics, deployed.role, self.network)
        self.topic_readers[f"{deployed.name} of {topic.rstrip('-')}"] = mapping

    def _of_features(self, name: str) -> lambda_.CfnEventSourceMapping:
        return self.topic_readers[f"{name} of {FEATURES_TOPICS.rstrip('-')}"]

    def _may_decide(self, role: iam.Role) -> None:
        allow(role, ["dynamodb:PutItem", "dynamodb:BatchGetItem"], [self.decisions.table_arn])
        allow(role, ["events:PutEvents"], [self.bus.attr_arn])

    def _may_quarantine(self, role: iam.Role) -> None:
        allow(role, ["s3:PutObject"], [self._data.archive.objects(QUARANTINE)], because=OWN_PREFIX)
