"""The cost model counts what the templates hold, and says of each price where it was read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stacks.costs import HOURS, LOADS, estimate
from stacks.prices import PRICES
from stacks.settings import Settings, read_settings
from tests.stacks.conftest import OTHER_SETTINGS
from tests.stacks.stacks_under_test import Templates, resources

OF = {"dev": read_settings({}), "prod": read_settings({"env": "prod"}), "other": read_settings(OTHER_SETTINGS)}


def quantity(settings: Settings, price: str) -> float:
    return sum(line.quantity for line in estimate(settings, LOADS[settings.env]) if line.price == price)


def cost(settings: Settings) -> float:
    return sum(line.usd for line in estimate(settings, LOADS[settings.env]))


def test_a_larger_load_and_a_larger_endpoint_cost_more() -> None:
    dev = read_settings({})
    larger = read_settings({"endpoint_instances_least": 2, "endpoint_instances_most": 2})
    costs = [
        sum(line.usd for line in estimate(*of))
        for of in ((dev, LOADS["dev"]), (dev, LOADS["prod"]), (larger, LOADS["dev"]))
    ]
    assert costs[0] < min(costs[1:])
    assert cost(read_settings({"heartbeat_ms": 10})) > cost(dev)


def test_dev_is_affordable() -> None:
    """A trial that a person can pay: what it was with MSK Serverless and provisioned pollers is more than twice as much."""
    assert cost(read_settings({})) <= 350
    before = {"streaming": "serverless", "pollers": "provisioned", "endpoint_instance_type": "ml.m5.large"}
    assert cost(read_settings(before)) > 900


def test_every_price_is_used_and_says_where_and_when_it_was_read() -> None:
    choices: list[dict[str, Any]] = [{}, {"nat": True}, {"env": "prod"}, {"streaming": "serverless"}]
    choices.append({"endpoint_instance_type": "ml.m5.large"})
    used = {line.price for each in map(read_settings, choices) for line in estimate(each, LOADS[each.env])}
    assert used == set(PRICES)
    for price in PRICES.values():
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", price.read)


def test_a_poller_of_kafka_costs_by_the_unit_and_a_group_shares_it() -> None:
    """Page kafka-scaling-modes: 0.185 US dollars an hour in us-east-1, 10 pollers a unit, mappings of a group share units."""
    assert PRICES["Lambda, event poller unit hour"].usd == 0.185
    units = {
        least: quantity(read_settings({"env": "prod", "consumers_least": least}), "Lambda, event poller unit hour")
        for least in (1, 2, 3)
    }
    assert units == {1: HOURS, 2: HOURS, 3: 2 * HOURS}
    assert quantity(read_settings({}), "Lambda, event poller unit hour") == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", OF)
def test_what_is_paid_by_the_piece_is_counted_in_the_templates(name: str, request: pytest.FixtureRequest) -> None:
    templates: Templates = request.getfixturevalue(name)
    settings = OF[name]
    alarms = list(resources(templates, "AWS::CloudWatch::Alarm"))
    looked_at = [
        len([one for one in alarm.properties.get("Metrics", []) if "MetricStat" in one]) or 1 for alarm in alarms
    ]
    grows = 2 * len(list(resources(templates, "AWS::ApplicationAutoScaling::ScalingPolicy")))
    assert quantity(settings, "CloudWatch, alarm month") == sum(looked_at) + grows
    endpoints = [one.properties for one in resources(templates, "AWS::EC2::VPCEndpoint")]
    zones = [len(one["SubnetIds"]) for one in endpoints if one["VpcEndpointType"] == "Interface"]
    assert quantity(settings, "VPC, endpoint hour in a zone") == HOURS * sum(zones)
    assert quantity(settings, "VPC, NAT hour") == HOURS * len(list(resources(templates, "AWS::EC2::NatGateway")))
    assert quantity(settings, "KMS, key month") == len(list(resources(templates, "AWS::KMS::Key")))
    assert quantity(settings, "Secrets Manager, secret month") == len(
        list(resources(templates, "AWS::SecretsManager::Secret"))
    )
    for cluster in resources(templates, "AWS::MSK::Cluster"):
        brokers, size = cluster.properties["NumberOfBrokerNodes"], cluster.properties["BrokerNodeGroupInfo"]
        kind = "Express" if size["InstanceType"].startswith("express.") else "Standard"
        assert quantity(settings, f"MSK {kind}, {size['InstanceType']} hour") == brokers * HOURS
        if kind == "Standard":
            disks = brokers * size["StorageInfo"]["EBSStorageInfo"]["VolumeSize"]
            assert quantity(settings, "MSK, GB month") == disks
            assert cluster.properties["EnhancedMonitoring"] == "DEFAULT"  # page metrics-details: these are free
