"""Kafka's three kinds, and where it stands: what MSK's pages allow is what the templates ask for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from emulator.kafka.cluster_kinds import EXPRESS, SERVERLESS, STANDARD
from stacks.constructs.kafka import features_topic, transactions_topic
from stacks.images import REGIONS
from stacks.settings import read_settings
from stacks.zones import WITHOUT_KAFKA, ZONES, usable
from tests.stacks.stacks_under_test import Templates, referred, resources

KINDS = {"standard": STANDARD, "express": EXPRESS, "serverless": SERVERLESS}
CLUSTERS = ("AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster")


def asked(**settings: Any) -> dict[str, tuple[int, dict[str, str]]]:
    read = read_settings(settings)
    topics = (transactions_topic(read), features_topic(read, "1"))
    return {one["Name"]: (int(one["Partitions"]), one["Config"]) for one in topics}


@pytest.mark.parametrize(
    ("kind", "replay", "most"), [(*one, two) for one, two in product(product(KINDS, (False, True)), (4, 100))]
)
def test_each_kind_takes_the_topics_that_are_asked_of_it(kind: str, replay: bool, most: int) -> None:
    assert list(KINDS[kind].refused({}, asked(streaming=kind, replay=replay, partitions=most))) == []


@pytest.mark.parametrize("kind", ["standard", "express"])
@pytest.mark.parametrize("replay", [False, True])
def test_provisioned_brokers_take_records_of_any_age(kind: str, replay: bool) -> None:
    """Page msk-configuration-express-read-write: message.timestamp.before.max.ms is a day unless a topic says otherwise."""
    for _, config in asked(streaming=kind, replay=replay).values():
        assert config["message.timestamp.before.max.ms"] == str(2**63 - 1)
        assert config["message.timestamp.after.max.ms"] == str(86_400_000)


def test_serverless_is_told_nothing_that_it_does_not_let_be_set() -> None:
    """Page serverless-config: all but seven topic-level properties are not configurable."""
    for _, config in asked(streaming="serverless").values():
        assert config.keys() == {"message.timestamp.type", "retention.ms"}


def test_on_two_brokers_none_that_missed_records_leads() -> None:
    """Page msk-default-configuration: unclean.leader.election.enable is true on Standard brokers; Express have it false."""
    assert all(config["unclean.leader.election.enable"] == "false" for _, config in asked().values())
    assert not any("unclean.leader.election.enable" in config for _, config in asked(env="prod").values())


def test_dev_has_two_standard_brokers_prod_three_express_ones_and_the_third_kind_is_serverless(
    dev: Templates, prod: Templates, other: Templates
) -> None:
    found = {name: list(resources(of, *CLUSTERS)) for name, of in {"dev": dev, "prod": prod, "other": other}.items()}
    assert [len(found[name]) for name in found] == [1, 1, 1]
    standard, express = found["dev"][0].properties, found["prod"][0].properties
    assert (standard["NumberOfBrokerNodes"], standard["BrokerNodeGroupInfo"]["InstanceType"]) == (2, "kafka.t3.small")
    assert (express["NumberOfBrokerNodes"], express["BrokerNodeGroupInfo"]["InstanceType"]) == (3, "express.m7g.large")
    # page create-cluster-cli: "You also do not need to define any storage-related properties" of Express brokers
    assert "StorageInfo" not in express["BrokerNodeGroupInfo"]
    assert standard["BrokerNodeGroupInfo"]["StorageInfo"] == {"EBSStorageInfo": {"VolumeSize": 25}}
    for provisioned in (standard, express):
        assert provisioned["ClientAuthentication"] == {
            "Sasl": {"Iam": {"Enabled": True}},
            "Unauthenticated": {"Enabled": False},
        }
        assert provisioned["EncryptionInfo"]["EncryptionInTransit"] == {"ClientBroker": "TLS", "InCluster": True}
        assert provisioned["LoggingInfo"]["BrokerLogs"]["CloudWatchLogs"]["Enabled"]
    assert found["other"][0].type == "AWS::MSK::ServerlessCluster"
    assert not list(resources(dev, "AWS::EC2::NatGateway"))


def test_another_cluster_has_another_name_and_its_topics_are_made_anew(
    dev: Templates, prod: Templates, other: Templates
) -> None:
    """Another kind or other subnets replace the cluster (page aws-properties-msk-cluster-brokernodegroupinfo): the new one is
    made before the old one goes, so it cannot have its name."""
    names = []
    for templates in (dev, prod, other):
        (cluster,) = resources(templates, *CLUSTERS)
        names.append(cluster.properties["ClusterName"])
        for made in resources(templates, "Custom::KafkaTopics"):
            assert referred(made.properties["Cluster"]) == cluster.id
    assert [name.split("-", 3)[3] for name in names] == ["standard-1-2", "express-1-2-4", "serverless-2-3"]
    assert max(map(len, names)) <= 64


def test_subnets_are_placed_by_the_zones_ids(dev: Templates, prod: Templates, other: Templates) -> None:
    placed = {"dev": ["use1-az1", "use1-az2"], "prod": ["use1-az1", "use1-az2", "use1-az4"]}
    for name, templates in (("dev", dev), ("prod", prod)):
        subnets = [one.properties for one in resources(templates, "AWS::EC2::Subnet")]
        assert [one["AvailabilityZoneId"] for one in subnets] == placed[name]
        assert not any("AvailabilityZone" in one for one in subnets)
    subnets = [one.properties for one in resources(other, "AWS::EC2::Subnet")]
    assert [one["AvailabilityZoneId"] for one in subnets] == ["euw1-az2", "euw1-az3"] * 2
    # a subnet that moves to another zone needs other addresses (AWS::EC2::Subnet, AvailabilityZone)
    assert [one["CidrBlock"] for one in subnets] == ["10.20.12.0/24", "10.20.13.0/24", "10.20.2.0/28", "10.20.3.0/28"]


def test_every_region_has_zones_enough_for_each_kind() -> None:
    assert ZONES.keys() == set(REGIONS)
    for region in REGIONS:
        assert len(usable(region)) >= 3
        assert not WITHOUT_KAFKA & set(read_settings({"region": region, "streaming": "express"}).network_zones)


def test_an_endpoint_whose_machines_do_not_change_has_no_scaling(dev: Templates, prod: Templates) -> None:
    """Page endpoint-auto-scaling: burstable machines are refused there, and dev has one."""
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    assert [len(list(resources(of, kind))) for of in (dev, prod)] == [0, 1]


def test_a_disk_that_fills_is_told(dev: Templates, prod: Templates) -> None:
    """Page bestpractices: an alarm on KafkaDataLogsDiskUsed from 85% on; Express brokers have no disks to watch."""
    found = [
        [
            one.properties
            for one in resources(of, "AWS::CloudWatch::Alarm")
            if one.properties.get("Namespace") == "AWS/Kafka"
        ]
        for of in (dev, prod)
    ]
    (cluster,) = resources(dev, "AWS::MSK::Cluster")
    assert [len(alarms) for alarms in found] == [2, 0]
    for number, alarm in enumerate(found[0], 1):
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert dimensions == {"Cluster Name": cluster.properties["ClusterName"], "Broker ID": str(number)}
        assert (alarm["MetricName"], alarm["Threshold"]) == ("KafkaDataLogsDiskUsed", 85)
