"""The function `accept`: valid transactions under watch, the others in quarantine."""

from __future__ import annotations

import json

import pytest

from fraud.clock import LATEST_MS
from fraud.transaction import parse_transaction
from lambda_src.kafka_event import WholeBatchFailedError
from lambda_src.ports.watch_queue import waiting_transactions
from samples.deciding_world import MOMENT, transaction_message
from samples.kafka import failures, kafka_event
from samples.lambda_context import CONTEXT


@pytest.fixture
def queue(aws):
    """The watch queue: its URL, and what was sent to it."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="watch")["QueueUrl"]
    return url, lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])


@pytest.fixture
def accept(load, queue, quarantined):
    return load("accept", WATCH_QUEUE_URL=queue[0])


def event(*messages):
    return kafka_event(*messages, topic="transactions")


def sent(accept, monkeypatch):
    """The arguments of every SendMessage."""
    real, arguments = accept.queue._client.send_message, []
    monkeypatch.setattr(accept.queue._client, "send_message", lambda **given: (arguments.append(given), real(**given)))
    return arguments


def test_a_happy_batch_of_a_hundred_is_one_delayed_message(accept, aws, monkeypatch):
    arguments = sent(accept, monkeypatch)
    messages = [transaction_message(number) for number in range(100)]
    assert accept.handler(event(*messages), CONTEXT) == failures()
    assert aws.calls == ["sqs.SendMessage"]
    [given] = arguments
    assert given["DelaySeconds"] == 10
    waiting, unreadable = waiting_transactions(given["MessageBody"])
    assert unreadable == []
    assert [transaction for transaction, _ in waiting] == [parse_transaction(message) for message in messages]
    assert [trans_time for _, trans_time in waiting] == [MOMENT + place for place in range(100)]


def test_messages_stay_below_what_a_queue_takes(accept, monkeypatch):
    arguments = sent(accept, monkeypatch)
    messages = [transaction_message(number, note="é" * 2_000) for number in range(30)]
    assert accept.handler(event(*messages), CONTEXT) == failures()
    assert len(arguments) > 1
    assert all(len(given["MessageBody"]) < 256 * 1024 for given in arguments)
    assert sum(len(waiting_transactions(given["MessageBody"])[0]) for given in arguments) == 30


def test_poison_goes_to_quarantine_and_the_good_are_watched(accept, queue, quarantined):
    poison = transaction_message(2, cc_num="4111 1111 1111 1111")
    assert accept.handler(event(transaction_message(1), poison, b"{}", transaction_message(3)), CONTEXT) == failures()
    [(key, [line])] = quarantined().items()
    assert key == "quarantine/transactions/2026-01-01/0-1.jsonl"
    assert line["field"] == "cc_num"
    assert "4111" not in json.dumps(line)


@pytest.mark.parametrize(
    ("timestamp", "problem"),
    [
        (MOMENT * 1_000, "16 digits, which would be 2026-01-01 in microseconds"),
        (MOMENT * 1_000_000, "19 digits, which would be 2026-01-01 in nanoseconds"),
        (MOMENT // 1_000, "10 digits, which would be 2026-01-01 in seconds"),
        (-1, "negative"),
        (LATEST_MS, "a number of 42 bits"),
        (None, "missing"),
        ("now", "a JSON str"),
    ],
)
def test_a_record_of_an_impossible_time_is_refused_with_its_reason_alone(
    accept, quarantined, monkeypatch, timestamp, problem
):
    arguments = sent(accept, monkeypatch)
    batch = event(transaction_message(1), transaction_message(2), transaction_message(3))
    batch["records"]["transactions-0"][1]["timestamp"] = timestamp
    assert accept.handler(batch, CONTEXT) == failures()
    [(key, [line])] = quarantined().items()
    assert key == "quarantine/transactions/undated/0-1.jsonl"
    assert line["reason"].startswith(f"timestamp: {problem}; allowed: whole milliseconds since 1970 in UTC")
    [given] = arguments
    waiting, _ = waiting_transactions(given["MessageBody"])
    assert [transaction.transaction_id for transaction, _ in waiting] == ["t1", "t3"]


def test_the_same_batch_again_writes_the_same_object(accept, quarantined):
    for _ in range(2):
        accept.handler(event(b"\xff", transaction_message(1)), CONTEXT)
    assert len(quarantined()) == 1


def test_a_queue_that_refuses_has_the_valid_ones_come_again(accept, aws, queue, quarantined):
    aws.client("sqs").delete_queue(QueueUrl=queue[0])
    assert accept.handler(event(transaction_message(1), b"\xff", transaction_message(3)), CONTEXT) == failures(
        0, 2, topic="transactions"
    )
    assert len(quarantined()) == 1
    with pytest.raises(WholeBatchFailedError):
        accept.handler(event(transaction_message(1)), CONTEXT)


def test_heartbeats_are_skipped(accept, aws):
    assert accept.handler(event(None, b"{}"), CONTEXT) == failures()
    assert aws.calls == []
