"""Amazon MSK's control plane: a cluster is a real broker on this machine. It answers without TLS, and says so.

A broker that ends by itself is started again on its data, at its old address, and its cluster is HEALING meanwhile; one that ends
again and again leaves it FAILED.

The broker does not know the callers' roles. What a client of the cluster would be allowed by IAM is judged where the client is
this host's own: event source mappings and the stream job. A function is judged by what it leaves: it connects when it asks for
the brokers, and once it has answered, the topics that are new, are gone, have more partitions or other settings are its doing;
what its role may not do fails its call. What a function reads or writes in topics is not judged, nor what it does to them in a
later call without asking for the brokers again. In the same way it is held to what the kind of its cluster takes of topics
(`emulator.kafka.cluster_kinds`): its call fails, and the topics that the cluster would not have made are gone.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, ResourceType

from emulator.account import arn
from emulator.clock import now
from emulator.counts import Counts
from emulator.errors import AccessDeniedError, ServiceError
from emulator.kafka.cluster_kinds import ClusterKind, Topics, ZonesOf, kind_of
from emulator.protocol.service import Judge, Permission, Service, caller
from emulator.protocol.wire import Wire
from emulator.supervision import Keeper
from engines.broker import Broker

SESSION = "ASIA"
"""What access keys of roles begin with."""
WITHIN_S = 20.0

_log = logging.getLogger(__name__)
_OWN = ConfigSource.DYNAMIC_TOPIC_CONFIG.value


class Clusters:
    """The operations on clusters.

    Args:
        folder: each broker's data and log go below it.
        judge: functions are judged by what they do with topics.
        zones_of: knows in which zones subnets are.

    Attributes:
        starts: of each cluster's broker, by the cluster's ARN.
    """

    def __init__(self, folder: Path, judge: Judge, zones_of: ZonesOf) -> None:
        self._folder, self._judge, self._zones_of = folder, judge, zones_of
        self._asked: dict[str, dict[str, Topics]] = {}
        self._clusters: dict[str, tuple[dict[str, Any], Broker]] = {}
        self._kinds: dict[str, ClusterKind] = {}
        self._keepers: dict[str, Keeper] = {}
        self.starts = Counts()

    def create_cluster_v2(self, ClusterName: str, **given: Any) -> dict[str, Any]:
        kind = kind_of({"ClusterName": ClusterName, **given}, self._zones_of)
        if any(described["ClusterName"] == ClusterName for described, _ in self._clusters.values()):
            raise ServiceError("ConflictException", f"a cluster named {ClusterName} exists", 409)
        type_ = "SERVERLESS" if "Serverless" in given else "PROVISIONED"
        name = f"{ClusterName}/{uuid.uuid4()}-s1"
        cluster_arn = arn("kafka", f"cluster/{name}")
        broker = Broker(self._folder / name.replace("/", "-"), kind.broker_settings)
        broker.start()
        self.starts.add(cluster_arn)
        described: dict[str, Any] = {
            "ClusterArn": cluster_arn,
            "ClusterName": ClusterName,
            "ClusterType": type_,
            "CreationTime": now(),
            "CurrentVersion": "1",
            "State": "ACTIVE",
            "Tags": given.get("Tags", {}),
            **{key: given[key] for key in ("Serverless", "Provisioned") if key in given},
        }
        self._clusters[cluster_arn], self._kinds[cluster_arn] = (described, broker), kind
        self._keepers[cluster_arn] = Keeper(
            f"broker of {ClusterName}",
            broker,
            lambda: self._go_on(described, broker),
            lambda why: described.update(State="FAILED", StateInfo={"Code": "BrokerEnded", "Message": why[-1000:]}),
        )
        return {"ClusterArn": cluster_arn, "ClusterName": ClusterName, "State": "ACTIVE", "ClusterType": type_}

    def describe_cluster_v2(self, ClusterArn: str) -> dict[str, Any]:
        return {"ClusterInfo": self._find(ClusterArn)[0]}

    def describe_cluster(self, ClusterArn: str) -> dict[str, Any]:
        described = self._find(ClusterArn)[0]
        names = ("ClusterArn", "ClusterName", "CreationTime", "CurrentVersion", "State", "Tags")
        return {"ClusterInfo": {name: described[name] for name in names}}

    def get_bootstrap_brokers(self, ClusterArn: str) -> dict[str, Any]:
        address, key = self._find(ClusterArn)[1].address, caller.get("")
        if key.startswith(SESSION):
            self._judge(key, "kafka-cluster:Connect", ClusterArn, None)
            self._asked.setdefault(key, {})[ClusterArn] = _topics(address)
        return {"BootstrapBrokerString": address}

    def list_clusters_v2(self, **_: Any) -> dict[str, Any]:
        return {"ClusterInfoList": [described for described, _ in self._clusters.values()]}

    def delete_cluster(self, ClusterArn: str, **_: Any) -> dict[str, Any]:
        broker = self.broker(ClusterArn)
        self._keepers.pop(ClusterArn).end()
        broker.stop()
        del self._clusters[ClusterArn], self._kinds[ClusterArn]
        return {"ClusterArn": ClusterArn, "State": "DELETING"}

    def broker(self, cluster_arn: str) -> Broker:
        """The broker of a cluster."""
        return self._find(cluster_arn)[1]

    def judge_client(self, key: str) -> str | None:
        """Judges what the client of an access key has done to topics since it asked for the brokers.

        Returns:
            What it may not have done, or the cluster would not have taken; None if nothing.
        """
        try:
            for cluster_arn, before in self._asked.pop(key, {}).items():
                address = self.broker(cluster_arn).address
                after = _topics(address)
                for action, resource in _changes(cluster_arn, before, after):
                    self._judge(key, action, resource, None)
                if refused := list(self._kinds[cluster_arn].refused(before, after)):
                    _delete(address, {topic for topic, _ in refused if topic not in before})
                    return "; ".join(f"{topic}: {why}" for topic, why in refused)
        except AccessDeniedError as error:
            return str(error)
        return None

    def cluster_at(self, address: str) -> str:
        """The ARN of the cluster whose brokers answer at an address."""
        for cluster_arn, (_, broker) in self._clusters.items():
            if broker.address in address.split(","):
                return cluster_arn
        raise ServiceError("NotFoundException", f"no cluster answers at {address}", 404)

    def stop(self) -> None:
        """Ends every broker."""
        for keeper in self._keepers.values():
            keeper.end()
        for _, broker in self._clusters.values():
            broker.stop()

    def processes(self) -> dict[str, list[int]]:
        """{cluster: the process group of its broker}."""
        return {one["ClusterName"]: [broker.pid] for one, broker in list(self._clusters.values()) if broker.running}

    def _go_on(self, described: dict[str, Any], broker: Broker) -> None:
        _log.warning("cluster %s: its broker goes on with its data", described["ClusterName"])
        described["State"] = "HEALING"
        broker.start()
        described["State"] = "ACTIVE"
        self.starts.add(described["ClusterArn"])

    def _find(self, cluster_arn: str) -> tuple[dict[str, Any], Broker]:
        if cluster_arn not in self._clusters:
            raise ServiceError("NotFoundException", f"The cluster {cluster_arn} does not exist.", 404)
        return self._clusters[cluster_arn]


def _topics(address: str) -> dict[str, tuple[int, dict[str, str]]]:
    admin = AdminClient({"bootstrap.servers": address})
    partitions = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=WITHIN_S).topics.items()}
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
    own: dict[str, dict[str, str]] = {}
    for resource, answer in (admin.describe_configs(asked) if asked else {}).items():
        entries = answer.result(WITHIN_S).values()
        own[resource.name] = {one.name: one.value for one in entries if one.source == _OWN}
    return {name: (count, own[name]) for name, count in partitions.items()}


def _delete(address: str, topics: set[str]) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    for deleted in admin.delete_topics(list(topics)).values() if topics else ():
        deleted.result(WITHIN_S)


def _changes(cluster_arn: str, before: Topics, after: Topics) -> Iterable[Permission]:
    """What it takes to have changed topics so."""
    for name, (partitions, settings) in after.items():
        topic = part(cluster_arn, "topic", name)
        known_partitions, known_settings = before.get(name, (partitions, settings))
        if name not in before:
            yield "kafka-cluster:CreateTopic", topic
        if partitions != known_partitions:
            yield "kafka-cluster:AlterTopic", topic
        if settings != known_settings:
            yield "kafka-cluster:DescribeTopicDynamicConfiguration", topic
            yield "kafka-cluster:AlterTopicDynamicConfiguration", topic
        if before.get(name) != after[name]:
            yield "kafka-cluster:DescribeTopic", topic
    for name in before.keys() - after.keys():
        yield "kafka-cluster:DeleteTopic", part(cluster_arn, "topic", name)


def part(cluster_arn: str, kind: str, name: str) -> str:
    """The ARN of a topic or of a group in a cluster.

    >>> part("arn:aws:kafka:us-east-1:123456789012:cluster/main/1-2", "topic", "payments")
    'arn:aws:kafka:us-east-1:123456789012:topic/main/1-2/payments'
    """
    return f"{cluster_arn.replace(':cluster/', f':{kind}/')}/{name}"


def reading(cluster_arn: str, topic: str, group: str) -> Iterable[Permission]:
    """What a client needs that reads a topic in a group."""
    yield "kafka-cluster:Connect", cluster_arn
    yield "kafka-cluster:DescribeTopic", part(cluster_arn, "topic", topic)
    yield "kafka-cluster:ReadData", part(cluster_arn, "topic", topic)
    yield "kafka-cluster:DescribeGroup", part(cluster_arn, "group", group)
    yield "kafka-cluster:AlterGroup", part(cluster_arn, "group", group)


def writing(cluster_arn: str, topic: str) -> Iterable[Permission]:
    """What a client needs that writes to a topic; clients of today write idempotently."""
    yield "kafka-cluster:Connect", cluster_arn
    yield "kafka-cluster:WriteDataIdempotently", cluster_arn
    yield "kafka-cluster:DescribeTopic", part(cluster_arn, "topic", topic)
    yield "kafka-cluster:WriteData", part(cluster_arn, "topic", topic)


def service(clusters: Clusters) -> Service:
    """The service, with what each operation needs the caller to be allowed."""

    def on_cluster(action: str) -> Any:
        return lambda given: [(f"kafka:{action}", given["ClusterArn"])]

    operations = ("DescribeClusterV2", "DescribeCluster", "DeleteCluster", "GetBootstrapBrokers")
    return Service(
        Wire("kafka"),
        (clusters,),
        {
            **{operation: on_cluster(operation) for operation in operations},
            "CreateClusterV2": lambda _: [("kafka:CreateClusterV2", "*")],
            "ListClustersV2": lambda _: [("kafka:ListClustersV2", "*")],
        },
    )
