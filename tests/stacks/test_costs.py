"""The cost model counts what the templates hold, and says of each price where it was read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from stacks.costs import GLUE_DPUS, HOURS, LOADS, estimate
from stacks.names import SCORING_JOBS, run_prefix
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
    choices += [{"endpoint_instance_type": "ml.m5.large"}, {"batch_back_end": "fraud-detector"}]
    choices += [{"api_waf": True}, {"tracking": "managed"}]
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


def test_a_crawl_and_a_transform_are_paid_for_at_least() -> None:
    """Glue's page of prices: ten minutes of a crawl, one of a job, a DPU is a worker of the type G.1X."""
    dev, load = read_settings({}), LOADS["dev"]
    few = estimate(dev, replace(load, file_rows=1))
    [glue] = [line.quantity for line in few if line.price == "Glue, DPU hour"]
    assert glue == pytest.approx(load.files * 2 * (600 + 60) / 3600)
    more = estimate(dev, replace(load, file_rows=40_000_000))
    assert [line.quantity for line in more if line.price == "Glue, DPU hour"] > [glue]


def test_the_back_end_of_the_batch_is_paid_for_and_no_other() -> None:
    parts = {
        kind: {line.price.partition(",")[0] for line in estimate(read_settings({"batch_back_end": kind}), LOADS["dev"])}
        for kind in ("sagemaker", "fraud-detector")
    }
    assert parts["fraud-detector"] - parts["sagemaker"] == {"Fraud Detector"}
    machine = read_settings({"batch_instance_type": "ml.c5.xlarge"})
    assert 0 < quantity(machine, "SageMaker, ml.c5.xlarge hour") < 10
    predicted = LOADS["dev"].files / 2 * LOADS["dev"].file_rows
    detector = read_settings({"batch_back_end": "fraud-detector", "batch_instance_type": "ml.c5.xlarge"})
    assert quantity(detector, "SageMaker, ml.c5.xlarge hour") == 0
    assert quantity(detector, "Fraud Detector, thousand predictions") == predicted / 1000
    assert quantity(detector, "Fraud Detector, hosting hour") == HOURS


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
    for job in resources(templates, "AWS::Glue::Job"):
        assert (job.properties["WorkerType"], job.properties["NumberOfWorkers"]) == ("G.1X", GLUE_DPUS)
    machine = json.dumps([one.properties for one in resources(templates, "AWS::StepFunctions::StateMachine")])
    batch = settings.batch_back_end == "sagemaker"
    assert [f"{run_prefix(settings, job)}-" in machine for job in SCORING_JOBS] == [batch] * len(SCORING_JOBS)
    for cluster in resources(templates, "AWS::MSK::Cluster"):
        brokers, size = cluster.properties["NumberOfBrokerNodes"], cluster.properties["BrokerNodeGroupInfo"]
        kind = "Express" if size["InstanceType"].startswith("express.") else "Standard"
        assert quantity(settings, f"MSK {kind}, {size['InstanceType']} hour") == brokers * HOURS
        if kind == "Standard":
            disks = brokers * size["StorageInfo"]["EBSStorageInfo"]["VolumeSize"]
            assert quantity(settings, "MSK, GB month") == disks
            assert cluster.properties["EnhancedMonitoring"] == "DEFAULT"  # page metrics-details: these are free
