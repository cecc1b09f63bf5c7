"""`lambda_src.kafka_event`: what is made of an event's records, and the answer that names those that are to come again."""

from __future__ import annotations

import pytest

from fraud.transaction import InvalidTransactionError
from lambda_src.kafka_event import (
    UNKNOWN,
    WholeBatchFailedError,
    by_partition,
    kafka_records,
    partial_failures,
    payments,
)
from samples.kafka import failures, kafka_event


def of(record, place="features-3"):
    [found] = kafka_records({"records": {place: [record]}})
    return found


def test_where_a_record_is_that_does_not_say_so_is_read_from_its_place():
    record = of({"value": "e30="})
    assert (record.topic, record.partition, record.offset, record.timestamp) == ("features", 3, UNKNOWN, None)
    assert of({"topic": "\x00", "partition": -1}, "no place").topic == "unknown"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("e30", "3 characters that are not base64"),
        ("e30=\n", "5 characters that are not base64"),
        ("é", "1 characters that are not base64"),
        (5, "a JSON int in the event"),
        ({"a": 1}, "a JSON dict in the event"),
    ],
)
def test_a_value_that_is_not_base64_is_refused_with_its_reason_and_no_heartbeat(value, problem):
    [record] = payments({"records": {"features-3": [{"value": value, "offset": 1}]}})
    with pytest.raises(InvalidTransactionError) as refused:
        record.message()
    assert str(refused.value) == f"message: {problem}; allowed: text, base64"


@pytest.mark.parametrize("told", [5, "text", ["a"], True])
def test_what_is_no_record_is_refused(told):
    with pytest.raises(InvalidTransactionError):
        of(told).message()


def test_a_record_without_a_place_that_fails_has_the_whole_batch_come_again():
    event = kafka_event(b"a", b"b", b"c")
    del event["records"]["features-0"][1]["offset"]
    records = kafka_records(event)
    assert partial_failures(records, records[:1], partial=True) == failures(0)
    with pytest.raises(WholeBatchFailedError, match="without partition or offset"):
        partial_failures(records, records[1:2], partial=True)


def test_partitions_are_told_apart_by_what_their_records_say():
    event = kafka_event(b"a", b"b", b"c")
    event["records"]["features-0"][1]["partition"] = 7
    found = {place: [record.value for record in records] for place, records in by_partition(kafka_records(event))}
    assert found == {"features-0": [b"a", b"c"], "features-7": [b"b"]}
