"""A broker that is killed comes back on its data, at its old address; what a producer holds meanwhile is then delivered, once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from emulator.kafka.clusters import Clusters
from tests.emulator.conftest import until

RECORDS = 300


def never(*_: Any) -> None:
    raise AssertionError("nobody is to be judged")


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Clusters]:
    one = Clusters(tmp_path, never, lambda subnets: {name: f"use1-az{name}" for name in subnets})
    yield one
    one.stop()


@pytest.mark.engines
def test_a_killed_broker_comes_back_and_takes_what_producers_hold(clusters: Clusters) -> None:
    made = clusters.create_cluster_v2(ClusterName="main", Serverless={"VpcConfigs": [{"SubnetIds": ["1", "2"]}]})
    arn, broker = made["ClusterArn"], clusters.broker(made["ClusterArn"])
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic("payments", 2, 1)])["payments"].result(20)
    producer = Producer(
        {"bootstrap.servers": broker.address, "enable.idempotence": True, "linger.ms": 5, "log_level": 2}
    )
    taken: list[int] = []

    def send(number: int) -> None:
        def delivered(error: Any, _message: Any) -> None:
            assert error is None
            taken.append(number)

        producer.produce("payments", str(number).encode(), str(number % 7).encode(), on_delivery=delivered)
        producer.poll(0.002)

    for number in range(RECORDS // 3):
        send(number)
    assert producer.flush(20) == 0
    for number in range(RECORDS // 3, RECORDS // 2):
        send(number)
    (group,) = clusters.processes()["main"]
    os.killpg(group, signal.SIGKILL)
    for number in range(RECORDS // 2, RECORDS):
        send(number)
    assert RECORDS // 3 <= len(taken) < RECORDS, "some are held while the broker is down"
    until(lambda: clusters.describe_cluster_v2(arn)["ClusterInfo"]["State"] == "HEALING", 10)
    assert producer.flush(90) == 0
    assert sorted(taken) == list(range(RECORDS))
    until(lambda: clusters.describe_cluster_v2(arn)["ClusterInfo"]["State"] == "ACTIVE", 90)
    assert clusters.processes()["main"] not in ([], [group])
    assert clusters.starts.copy() == {arn: 2}
    assert sorted(read(broker.address)) == list(range(RECORDS)), "before the kill, held at it, and after: each once"


@pytest.mark.engines
def test_a_cluster_that_is_deleted_stays_so(clusters: Clusters) -> None:
    made = clusters.create_cluster_v2(ClusterName="main", Serverless={"VpcConfigs": [{"SubnetIds": ["1", "2"]}]})
    broker = clusters.broker(made["ClusterArn"])
    os.killpg(broker.pid, signal.SIGKILL)
    until(lambda: not broker.running)
    clusters.delete_cluster(made["ClusterArn"])
    assert not broker.running
    assert clusters.starts.copy() == {made["ClusterArn"]: 1}


def read(brokers: str) -> list[int]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe(["payments"])
    found: list[int] = []

    def all_there() -> bool:
        for message in consumer.consume(RECORDS, timeout=1):
            assert message.error() is None
            found.append(int(message.value() or b""))
        return len(found) >= RECORDS

    until(all_there, 60)
    found += [int(message.value() or b"") for message in consumer.consume(RECORDS, timeout=2)]
    consumer.close()
    return found
