"""What a Kafka topic holds: the ends of its partitions, and its messages."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

_PASSING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
}
"""What a busy broker answers now and then. `retriable()` knows none of them: it speaks of transactions alone."""


def topic_ends(brokers: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition of a topic."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return _ends(brokers, topic)
        except KafkaException as error:
            # On a busy machine the broker may miss its own controller's heartbeat and lead nothing for a moment.
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _ends(brokers: str, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "ends"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        }
    finally:
        consumer.close()


def read_messages(brokers: str, topic: str, since: dict[int, int] | None = None) -> list[bytes]:
    """Everything in a topic up to now, from the offsets `since` on."""
    return [value for _, value in read_records(brokers, topic, since)]


def read_records(brokers: str, topic: str, since: dict[int, int] | None = None) -> list[tuple[int, bytes]]:
    """The same, each message with its record's own time, milliseconds since 1970."""
    ends = {number: end for number, end in topic_ends(brokers, topic).items() if end > (since or {}).get(number, 0)}
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "reading", "enable.auto.commit": False})
    found: list[tuple[int, bytes]] = []
    try:
        consumer.assign([TopicPartition(topic, number, (since or {}).get(number, 0)) for number in ends])
        while ends:
            for message in consumer.consume(10_000, timeout=0.2):
                partition, offset = message.partition(), message.offset()
                if message.error() is None and offset is not None and offset < ends.get(partition or 0, 0):
                    found.append((message.timestamp()[1], message.value() or b""))
            at = {
                place.partition: place.offset for place in consumer.position([TopicPartition(topic, n) for n in ends])
            }
            ends = {number: end for number, end in ends.items() if at[number] < end}
    finally:
        consumer.close()
    return found
