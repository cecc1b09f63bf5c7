"""The replayer's promises, seen from the topic: times, partitions, heartbeats, redeliveries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from engines.broker import Broker
from local.replayer import HEARTBEAT, Record, Replayer
from local.topics import PARTITIONS, REPLAY_TOPICS

pytestmark = pytest.mark.engines

START_MS = 1_600_000_000_000
RECORDS = [
    Record(START_MS + number // 3 * 1000, f"{number % 20:032x}".encode(), b"record %d" % number)
    for number in range(400)
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


def replayed(broker: Broker, topic: str, **how: object) -> dict[int, list[Message]]:
    """What each partition of a new topic holds after a replay of the records."""
    broker.create_topics({topic: REPLAY_TOPICS["transactions"]})
    duplicates = how.pop("duplicates", 0.0)
    sent = Replayer(broker.address, topic, duplicates=duplicates).replay(RECORDS, **how)
    assert len(sent.sent_s) == len(RECORDS)
    assert sent.sent_s == sorted(sent.sent_s)
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": topic, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    held, ends = defaultdict(list), 0
    while ends < PARTITIONS:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ends += 1
        else:
            held[message.partition()].append(message)
    consumer.close()
    return held


def payloads(held: dict[int, list[Message]]) -> list[bytes]:
    return sorted(each.value() for messages in held.values() for each in messages if each.value() != HEARTBEAT)


@pytest.mark.parametrize("how", [{}, {"rate": 1000.0}, {"speed_up": 400.0}], ids=["unbounded", "rate", "speed-up"])
def test_time_never_goes_back_in_a_partition(broker: Broker, how: dict) -> None:
    held = replayed(broker, f"times-{'-'.join(how) or 'unbounded'}", **how)
    assert payloads(held) == sorted(record.value for record in RECORDS)
    written = {record.value: record.timestamp_ms for record in RECORDS}
    for messages in held.values():
        times = [each.timestamp()[1] for each in messages]
        assert times == sorted(times)
        assert messages[-1].value() == HEARTBEAT
        for each in messages:
            assert each.value() == HEARTBEAT or each.timestamp()[1] == written[each.value()]


def test_a_card_stays_in_its_partition(broker: Broker) -> None:
    partitions = defaultdict(set)
    for number, messages in replayed(broker, "cards", duplicates=0.2).items():
        for each in messages:
            partitions[each.key()].add(number)
    partitions.pop(None)
    assert {len(numbers) for numbers in partitions.values()} == {1}


def test_redeliveries_are_the_share_asked_for_and_the_same_each_time(broker: Broker) -> None:
    first, second = (payloads(replayed(broker, f"again-{run}", duplicates=0.1)) for run in (1, 2))
    assert first == second
    assert set(first) == {record.value for record in RECORDS}
    assert 20 <= len(first) - len(RECORDS) <= 60


def test_heartbeats_come_while_records_are_awaited(broker: Broker) -> None:
    held = replayed(broker, "slow", rate=400.0)
    assert all(sum(each.value() == HEARTBEAT for each in messages) >= 30 for messages in held.values())


def test_records_out_of_order_are_refused(broker: Broker) -> None:
    with pytest.raises(ValueError, match="record 1 has time 1599999999999, before the last one's, 1600000000000"):
        Replayer(broker.address, "cards").replay([RECORDS[0], RECORDS[0]._replace(timestamp_ms=START_MS - 1)])
