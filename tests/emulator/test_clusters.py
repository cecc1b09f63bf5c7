"""MSK's clusters, each kind with what MSK refuses of it: as it is made, of its topics, of old records."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from emulator.errors import ServiceError
from emulator.kafka.cluster_kinds import EXPRESS, SERVERLESS, STANDARD, ClusterKind, kind_of
from emulator.kafka.clusters import _changes
from emulator.process import EmulatedAws
from emulator.protocol.shapes import encode
from emulator.protocol.wire import Request, Wire
from engines.broker import Broker
from stacks.constructs.kafka import features_topic, transactions_topic
from stacks.settings import read_settings
from tests.emulator.conftest import Deployed, function, ref, role
from tests.emulator.test_functions import invoke, layer

ZONES = {"a": "use1-az1", "b": "use1-az2", "c": "use1-az4", "again": "use1-az1", "forbidden": "use1-az3"}
DAY_MS = 86_400_000


def provisioned(
    *subnets: str, size: str = "kafka.t3.small", version: str = "3.9.x", brokers: int = 0, **group: Any
) -> dict[str, Any]:
    nodes = {"InstanceType": size, "ClientSubnets": list(subnets), **group}
    iam = {"Sasl": {"Iam": {"Enabled": True}}}
    counted = {"NumberOfBrokerNodes": brokers or len(subnets), "KafkaVersion": version, "BrokerNodeGroupInfo": nodes}
    return {"ClusterName": "main", "Provisioned": {**counted, "ClientAuthentication": iam}}


def serverless(*subnets: str, name: str = "main") -> dict[str, Any]:
    return {"ClusterName": name, "Serverless": {"VpcConfigs": [{"SubnetIds": list(subnets)}]}}


def zones_of(subnets: Any) -> dict[str, str]:
    return {subnet: ZONES[subnet] for subnet in subnets}


def test_each_kind_is_known_by_what_is_asked_for() -> None:
    assert kind_of(serverless("a", "b"), zones_of) is SERVERLESS
    assert kind_of(provisioned("a", "b"), zones_of) is STANDARD
    assert kind_of(provisioned("a", "b", "c", size="express.m7g.large", brokers=6), zones_of) is EXPRESS


PLAIN = {"EncryptionInTransit": {"ClientBroker": "PLAINTEXT"}}
DISK = {"EbsStorageInfo": {"VolumeSize": 25}}
REFUSED = [
    (serverless("a", "forbidden"), "cannot be in the zone use1-az3"),
    (provisioned("a", "forbidden"), "cannot be in the zone use1-az3"),
    (provisioned("a", "again"), "must be in different zones"),
    (provisioned("a"), "MSK Standard stands in 2 or 3 subnets, not 1"),
    (provisioned("a", "b", size="express.m7g.large"), "MSK Express stands in 3 subnets, not 2"),
    (provisioned("a", "b", brokers=3), "3 brokers cannot be shared evenly by 2 subnets"),
    (provisioned("a", "b", size="kafka.t3.medium"), "no broker size kafka.t3.medium"),
    (provisioned("a", "b", version="2.8.1"), "Kafka 2.8.1 is not supported"),
    (provisioned("a", "b", "c", size="express.m7g.large", StorageInfo=DISK), "Express brokers have no storage"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_a_cluster_that_msk_would_not_make_is_not_made(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ServiceError, match=says):
        kind_of(given, zones_of)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (serverless("a", "b", name="x" * 65), "ClusterName: 65 characters; allowed: 1 to 64"),
        (
            provisioned("a", "b", StorageInfo={"EbsStorageInfo": {"VolumeSize": 0}}),
            "VolumeSize: 0; allowed: 1 to 16384",
        ),
        (provisioned("a", "b", StorageInfo={"EbsStorageInfo": {"VolumeSize": 16_385}}), "16385; allowed: 1 to 16384"),
    ],
)
def test_what_the_model_of_msk_refuses_does_not_reach_it(given: dict[str, Any], says: str) -> None:
    wire = Wire("kafka")
    operation = wire.model.operation_model("CreateClusterV2")
    assert operation.input_shape is not None
    body = json.dumps(encode(operation.input_shape, given)).encode()
    with pytest.raises(ServiceError, match=says):
        wire.parameters(operation, Request("POST", "/api/v2/clusters", {}, body, {}), {})


def test_iam_is_refused_without_tls() -> None:
    given = provisioned("a", "b")
    given["Provisioned"]["EncryptionInfo"] = PLAIN
    with pytest.raises(ServiceError, match="IAM access control needs TLS"):
        kind_of(given, zones_of)


def told(kind: ClusterKind, **settings: str) -> list[str]:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return [why for _, why in kind.refused({}, {"t": (1, named)})]


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        # page serverless-config
        (SERVERLESS, {"message_timestamp_before_max_ms": "1"}, "lets no topic set message.timestamp.before.max.ms"),
        (SERVERLESS, {"segment_bytes": "1"}, "lets no topic set segment.bytes"),
        (SERVERLESS, {"max_message_bytes": "8388609"}, "max.message.bytes from 0 to 8388608, not 8388609"),
        # page msk-configuration-express-read-write
        (EXPRESS, {"min_insync_replicas": "1"}, "lets no topic set min.insync.replicas"),
        (EXPRESS, {"unclean_leader_election_enable": "false"}, "lets no topic set unclean.leader.election.enable"),
        (EXPRESS, {"segment_bytes": "1"}, "lets no topic set segment.bytes"),
        (EXPRESS, {"max_compaction_lag_ms": "1000"}, "max.compaction.lag.ms from 604800000"),
    ],
)
def test_a_topic_is_told_only_what_its_kind_of_cluster_lets_be_set(
    kind: ClusterKind, settings: dict[str, str], says: str
) -> None:
    (why,) = told(kind, **settings)
    assert says in why
    assert told(STANDARD, **settings) == []


def test_serverless_changes_no_cleanup_policy_later() -> None:
    compacted = {"t": (1, {"cleanup.policy": "compact"})}
    assert list(SERVERLESS.refused({}, compacted)) == []
    assert [why for _, why in SERVERLESS.refused({"t": (1, {})}, compacted)] == [
        "MSK Serverless takes cleanup.policy only while a topic is made"
    ]


def test_serverless_counts_partitions() -> None:
    """Page limits, MSK Serverless quota: 2400 leaders, 250 made within five minutes."""
    (at_once,) = SERVERLESS.refused({}, {"t": (251, {})})
    assert at_once == ("t", "MSK Serverless makes 250 partitions within 5 minutes, not 251")
    (too_many,) = SERVERLESS.refused({"t": (2400, {})}, {"t": (2400, {}), "more": (1, {})})
    assert too_many == ("more", "MSK Serverless has 2400 partitions at most, not 2401")
    assert list(SERVERLESS.refused({}, {"t": (250, {})})) == list(STANDARD.refused({}, {"t": (2401, {})})) == []


@pytest.fixture(scope="module")
def express(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("express") / "broker", EXPRESS.broker_settings) as broker:
        yield broker


def refusal(broker: Broker, topic: str, time_ms: int) -> int | None:
    """The error code that a record of this time gets; None if it is taken."""
    found: list[Any] = []
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce(topic, b"{}", b"card", timestamp=time_ms, on_delivery=lambda error, _: found.append(error))
    assert producer.flush(20) == 0
    return None if found[0] is None else found[0].code()


@pytest.mark.engines
@pytest.mark.parametrize("replay", [False, True])
def test_an_express_cluster_refuses_old_records_but_not_of_our_topics(express: Broker, replay: bool) -> None:
    """Page msk-configuration-express-read-write: a day before and after, unless the topic says otherwise."""
    admin = AdminClient({"bootstrap.servers": express.address})
    settings = read_settings({"streaming": "express", "replay": replay, "partitions": 1})
    asked = [transactions_topic(settings), features_topic(settings, "1")]
    made = {f"{one['Name']}-{replay}": one["Config"] for one in asked} | {
        f"untold-{replay}": {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
    }
    for one in admin.create_topics([NewTopic(name, 1, 1, config=config) for name, config in made.items()]).values():
        one.result(20)
    now = int(time.time() * 1000)
    for days in (-400, -2):
        moment = now + days * DAY_MS
        assert refusal(express, f"untold-{replay}", moment) == KafkaError.INVALID_TIMESTAMP
        assert refusal(express, f"features-1-{replay}", moment) is None
        assert refusal(express, f"transactions-{replay}", moment) is None
    # stamped in microseconds: nobody's clock is to go there
    assert refusal(express, f"features-1-{replay}", now * 1000) == KafkaError.INVALID_TIMESTAMP
    assert refusal(express, f"transactions-{replay}", now * 1000) == (KafkaError.INVALID_TIMESTAMP if replay else None)
    assert refusal(express, f"untold-{replay}", now - DAY_MS // 2) is None


def test_what_a_function_does_to_topics_needs_a_permission_each() -> None:
    cluster, known = "arn:aws:kafka:us-east-1:123456789012:cluster/main/1-2", {"a": (1, {}), "b": (1, {})}
    topic = "arn:aws:kafka:us-east-1:123456789012:topic/main/1-2/"
    assert list(_changes(cluster, known, known)) == []
    assert list(_changes(cluster, known, {"b": (1, {})})) == [("kafka-cluster:DeleteTopic", f"{topic}a")]
    made = list(_changes(cluster, {}, known))
    assert ("kafka-cluster:CreateTopic", f"{topic}b") in made


MAKES = """
import boto3, os
from confluent_kafka.admin import AdminClient, NewTopic

def handler(event, context):
    asked = boto3.client('kafka').get_bootstrap_brokers(ClusterArn=os.environ['CLUSTER'])
    admin = AdminClient({'bootstrap.servers': asked['BootstrapBrokerString']})
    admin.create_topics([NewTopic(event['name'], 1, 1, config=event['config'])])[event['name']].result(20)
"""


@pytest.mark.engines
def test_a_function_that_asks_what_the_cluster_does_not_let_be_set_fails_and_leaves_no_topic(
    aws: EmulatedAws, deployed: Deployed, tmp_path: Path
) -> None:
    client, asset = layer(tmp_path, "confluent_kafka")
    subnets = {f"Subnet{zone}": subnet(zone, number) for number, zone in enumerate(("use1-az1", "use1-az2"))}
    made = deployed(
        {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            **{name.replace("-", ""): body for name, body in subnets.items()},
            "Cluster": {
                "Type": "AWS::MSK::ServerlessCluster",
                "Properties": {
                    "ClusterName": "held",
                    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
                    "VpcConfigs": [{"SubnetIds": [ref(name.replace("-", "")) for name in subnets]}],
                },
            },
            "Role": role(
                "lambda",
                (["kafka:GetBootstrapBrokers", "kafka-cluster:Connect"], "*"),
                (["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"], "*"),
            ),
            "Client": client,
            "Function": function(
                MAKES, "Role", Environment={"Variables": {"CLUSTER": ref("Cluster")}}, Layers=[ref("Client")]
            ),
        },
        {"name": ref("Function"), "cluster": ref("Cluster")},
        (asset,),
    )
    sound = {"name": "sound", "config": {"retention.ms": "-1"}}
    assert invoke(aws, made["name"], sound) == (None, None)
    answer, error = invoke(aws, made["name"], {"name": "unsound", "config": {"segment.ms": "60000"}})
    assert error
    assert answer["errorMessage"] == "unsound: MSK Serverless lets no topic set segment.ms"
    brokers = aws.client("kafka").get_bootstrap_brokers(ClusterArn=made["cluster"])["BootstrapBrokerString"]
    assert set(AdminClient({"bootstrap.servers": brokers}).list_topics(timeout=20).topics) == {"sound"}


def subnet(zone: str, number: int) -> dict[str, Any]:
    properties = {"VpcId": ref("Vpc"), "AvailabilityZoneId": zone, "CidrBlock": f"10.9.{number}.0/24"}
    return {"Type": "AWS::EC2::Subnet", "Properties": properties}


@pytest.mark.engines
def test_a_cluster_in_a_forbidden_zone_or_in_no_subnet_is_not_made(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(
        {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "Sound": subnet("use1-az1", 1),
            "Forbidden": subnet("use1-az3", 3),
            "Last": subnet("use1-az6", 6),
        },
        {"sound": ref("Sound"), "forbidden": ref("Forbidden"), "last": ref("Last")},
    )
    found = aws.client("ec2").describe_subnets(SubnetIds=list(made.values()))["Subnets"]
    zones = {one["SubnetId"]: one["AvailabilityZoneId"] for one in found}
    assert {name: zones[made[name]] for name in made} == {
        "sound": "use1-az1",
        "forbidden": "use1-az3",
        "last": "use1-az6",
    }
    with pytest.raises(Exception, match="no availability zone use1-az9"):
        deployed(
            {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}, "No": subnet("use1-az9", 9)}
        )
    kafka = aws.client("kafka")
    for subnets, says in (
        ([made["sound"], made["forbidden"]], "cannot be in the zone use1-az3"),
        (["subnet-0", "subnet-1"], "InvalidSubnetID.NotFound"),
    ):
        with pytest.raises(ClientError, match=says):
            kafka.create_cluster_v2(ClusterName="nowhere", Serverless={"VpcConfigs": [{"SubnetIds": subnets}]})
