"""The Kafka cluster, its topics, and what reading and writing them takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_msk as msk
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.network import Network
from stacks.constructs.permissions import allow
from stacks.constructs.storage import removal_policy
from stacks.settings import Settings

DAY_MS, WEEK_MS = str(86_400_000), str(7 * 86_400_000)
ANY_AGE_MS = str(2**63 - 1)
"""Kafka's own default of how far a record's time may be from the broker's."""
TRANSACTIONS_TOPIC, FEATURES_TOPICS = "transactions", "features-"
"""The topic of transactions, and what the name of each stream job's topic begins with."""
OF_VERSIONS = "Stream jobs of two versions run side by side for a while, each with a topic and groups of its own."
KAFKA_VERSION = "3.9.x"
LONGEST_NAME = 64
"""Of a cluster (API reference of MSK, *CreateClusterV2*)."""


def transactions_topic(settings: Settings) -> dict[str, Any]:
    """The topic of transactions. They are stamped on append: in a partition, time never goes back.

    A replay's carry the data's own times and are kept for ever: retention counts from a record's own time, so old data would
    vanish within minutes.
    """
    stamped = "CreateTime" if settings.replay else "LogAppendTime"
    return _topic(settings, TRANSACTIONS_TOPIC, stamped)


def features_topic(settings: Settings, version: str) -> dict[str, Any]:
    """The topic that the stream job of a version writes."""
    return _topic(settings, f"{FEATURES_TOPICS}{version}", "CreateTime")


def _topic(settings: Settings, name: str, stamped: str) -> dict[str, Any]:
    kept_ms = "-1" if settings.replay else WEEK_MS
    return {
        "Name": name,
        "Partitions": str(settings.partitions),
        "Config": {"message.timestamp.type": stamped, "retention.ms": kept_ms, **_of_provisioned(settings)},
    }


def _of_provisioned(settings: Settings) -> dict[str, str]:
    """What a topic must be told on provisioned brokers, and may not be on MSK Serverless (page *serverless-config*).

    Features carry their transaction's time, however long ago that was: after an outage, or when the stream is read again from
    its beginning. Express brokers refuse what is a day away (page *msk-configuration-express-read-write*). What is of the future
    stays refused: a record stamped in microseconds would carry the stream's clock past all others, and none would have features.
    """
    if settings.streaming == "serverless":
        return {}
    any_age = {"message.timestamp.before.max.ms": ANY_AGE_MS, "message.timestamp.after.max.ms": DAY_MS}
    if settings.streaming == "express":
        return any_age
    # true on Standard brokers of two zones (page *msk-default-configuration*): one that missed records could become the leader
    return {**any_age, "unclean.leader.election.enable": "false"}


class Cluster(Construct):
    """The cluster: two Standard brokers, three Express brokers, or MSK Serverless. Clients prove themselves by IAM, under TLS."""

    def __init__(self, scope: Construct, name: str, settings: Settings, *, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self._settings, self._network, self._key = settings, network, key
        self.resource: msk.CfnServerlessCluster | msk.CfnCluster
        if settings.streaming == "serverless":
            self.resource = msk.CfnServerlessCluster(
                self,
                "Serverless",
                cluster_name=self._name(),
                client_authentication={"sasl": {"iam": {"enabled": True}}},
                vpc_configs=[{"subnetIds": network.subnet_ids, "securityGroups": [network.brokers.security_group_id]}],
            )
        elif settings.streaming == "express":
            self.resource = self._provisioned("Express", settings.express_instance_type, "PER_BROKER")
        else:
            disk = {"ebsStorageInfo": {"volumeSize": settings.standard_storage_gb}}
            self.resource = self._provisioned("Standard", settings.standard_instance_type, "DEFAULT", storageInfo=disk)
        self.resource.apply_removal_policy(removal_policy(settings))
        self.arn = self.resource.ref

    def _name(self) -> str:
        """All kinds ask for a name; of the place, the kind and the zones, it changes whenever a new cluster is needed."""
        zones = (zone.rpartition("-az")[2] for zone in self._settings.network_zones)
        kind = "-".join([self._settings.streaming, *zones])
        most = LONGEST_NAME - len(kind) - 1
        return f"{cdk.Names.unique_resource_name(self, max_length=most, separator='-')}-{kind}"

    def _provisioned(self, kind: str, instance_type: str, watched: str, **more: Any) -> msk.CfnCluster:
        logs = log_group(self, "BrokerLogs", self._settings, self._key, vended="msk")
        return msk.CfnCluster(
            self,
            kind,
            cluster_name=self._name(),
            kafka_version=KAFKA_VERSION,
            number_of_broker_nodes=len(self._network.subnet_ids),
            broker_node_group_info={
                "instanceType": instance_type,
                "clientSubnets": self._network.subnet_ids,
                "securityGroups": [self._network.brokers.security_group_id],
                **more,
            },
            client_authentication={"sasl": {"iam": {"enabled": True}}, "unauthenticated": {"enabled": False}},
            encryption_info={
                "encryptionAtRest": {"dataVolumeKmsKeyId": self._key.key_arn},
                "encryptionInTransit": {"clientBroker": "TLS", "inCluster": True},
            },
            enhanced_monitoring=watched,
            logging_info={"brokerLogs": {"cloudWatchLogs": {"enabled": True, "logGroup": logs.log_group_name}}},
        )

    def resource_arn(self, kind: str, name: str) -> str:
        """The ARN by which Kafka's own permissions name a `topic` or a `group`."""
        place = cdk.Fn.select(1, cdk.Fn.split(":cluster/", self.arn))
        return cdk.Stack.of(self).format_arn(service="kafka", resource=kind, resource_name=f"{place}/{name}")

    def may_connect(self, grantee: iam.Role, *, writes: bool = False) -> None:
        """Lets a client connect; one that writes does so idempotently."""
        allow(grantee, ["kafka-cluster:Connect"], [self.arn])
        allow(grantee, ["kafka-cluster:DescribeCluster"], [self.arn])
        if writes:
            allow(grantee, ["kafka-cluster:WriteDataIdempotently"], [self.arn])

    def may_read(self, grantee: iam.Role, topic: str, group: str, *, because: str | None = None) -> None:
        """Lets a client read a topic as a consumer group.

        Args:
            because: why one of them ends in a wildcard.
        """
        topic_arn, group_arn = self.resource_arn("topic", topic), self.resource_arn("group", group)
        of_topic, of_group = (because if name.endswith("*") else None for name in (topic, group))
        allow(grantee, ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], [topic_arn], because=of_topic)
        allow(grantee, ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], [group_arn], because=of_group)

    def may_write(self, grantee: iam.Role, written: Sequence[str]) -> None:
        """Lets a client write topics."""
        arns = [self.resource_arn("topic", topic) for topic in written]
        allow(grantee, ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], arns)

    def may_follow(self, grantee: iam.Role, topics: Sequence[str], groups: Sequence[str]) -> None:
        """Lets a client ask how far consumer groups are with topics."""
        topic_arns = [self.resource_arn("topic", topic) for topic in topics]
        allow(grantee, ["kafka-cluster:DescribeTopic"], topic_arns, because=OF_VERSIONS)
        group_arns = [self.resource_arn("group", group) for group in groups]
        allow(grantee, ["kafka-cluster:DescribeGroup"], group_arns, because=OF_VERSIONS)

    def may_make_topics(self, grantee: iam.Role) -> None:
        """Lets a client make the topics, set what they are set to, and delete those of stream jobs that are gone."""
        of_jobs = self.resource_arn("topic", f"{FEATURES_TOPICS}*")
        allow(grantee, ["kafka-cluster:DeleteTopic"], [of_jobs], because=OF_VERSIONS)
        arns = [self.resource_arn("topic", TRANSACTIONS_TOPIC), of_jobs]
        allow(grantee, ["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"], arns, because=OF_VERSIONS)
        allow(
            grantee,
            [
                "kafka-cluster:AlterTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
                "kafka-cluster:AlterTopicDynamicConfiguration",
            ],
            arns,
            because=OF_VERSIONS,
        )
