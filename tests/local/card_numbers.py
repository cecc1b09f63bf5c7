"""Card numbers sent to the standing application, and a search for them in all that it keeps and says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from local.application import Application
from samples.deciding_world import CARDS, transaction_message
from tests.card_number_cases import SPELLINGS, readable
from tests.emulator.conftest import until


def send_card_numbers(application: Application) -> tuple[int, set[str]]:
    """Sends each spelling as the card, as the merchant, and in a field of its own.

    Returns:
        How many are to be refused, and the ids of those that are to be decided.
    """
    producer = Producer({"bootstrap.servers": application.brokers, "partitioner": "murmur2_random"})
    kept = set()
    messages = []
    for number, text in enumerate(SPELLINGS.values()):
        kept.add(f"holds-{number}")
        messages += [
            transaction_message(number, cc_num=text),
            transaction_message(number, transaction_id=f"refused-{number}", merchant=text[:100]),
            transaction_message(number, transaction_id=f"holds-{number}", note=text),
        ]
    for message in messages:
        producer.produce("transactions", message, CARDS[0].encode())
    assert producer.flush(30) == 0
    return len(messages) - len(kept), kept


def assert_no_card_number_stays(application: Application, folder: Path) -> None:
    """Sends them, waits until they are decided and refused, and searches topics, table, buckets and the run's logs."""
    refused, kept = send_card_numbers(application)

    def quarantined() -> list[dict[str, Any]]:
        keys = application.keys("ArchiveBucket", "quarantine/")
        return [json.loads(line) for key in keys for line in application.get("ArchiveBucket", key).splitlines()]

    until(
        lambda: len(quarantined()) >= refused and kept <= {row["transaction_id"] for row in application.decisions()}, 90
    )
    rows = list(application.decisions())
    assert not [row["transaction_id"] for row in rows if str(row["transaction_id"]).startswith("refused-")]
    features = of_topic(application.brokers, application.features_topic)
    came = {json.loads(value)["transaction_id"] for value in features}
    assert kept <= came
    assert not {each for each in came if each.startswith("refused-")}
    objects = [application.get("ArchiveBucket", key) for key in application.keys("ArchiveBucket", "")]
    texts = [pq.read_table(io.BytesIO(each)).to_pylist() if each.startswith(b"PAR1") else each for each in objects]
    for content in (*quarantined(), *rows, *features, *texts):
        assert not readable(content if isinstance(content, bytes) else json.dumps(content, default=str))
    for log in folder.rglob("*.log"):
        if not log.stem.isdigit():  # Kafka's own segments are named by offsets; `transactions` is what was sent
            for line in log.read_text(errors="replace").splitlines():
                assert not readable(line), line


def of_topic(brokers: str, topic: str) -> list[bytes]:
    """All values of a topic."""
    partitions = AdminClient({"bootstrap.servers": brokers}).list_topics(topic, timeout=20).topics[topic].partitions
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "searched", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        values: list[bytes] = []
        while batch := consumer.consume(10_000, 2.0):
            values += [each.value() for each in batch if not each.error() and each.value()]
        return values
    finally:
        consumer.close()
