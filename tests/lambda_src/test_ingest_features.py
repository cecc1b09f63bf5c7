"""The function `ingest_features`: each card's newest stream features in the online store."""

from __future__ import annotations

import pytest

from lambda_src.kafka_event import WholeBatchFailedError
from samples.deciding_world import CARDS, MOMENT, feature_message
from samples.kafka import failures, kafka_event
from samples.lambda_context import CONTEXT

GROUP = "cc-agg-fg"


@pytest.fixture
def ingest(load, feature_store, monkeypatch):
    monkeypatch.setattr("fraud.retries.time.sleep", lambda _: None)
    return load("ingest_features")


def test_a_happy_batch_of_a_hundred_cards_is_four_calls(ingest, aws, feature_store):
    assert ingest.handler(kafka_event(*[feature_message(number) for number in range(100)]), CONTEXT) == failures()
    assert aws.calls == ["sagemaker-featurestore-runtime.BatchWriteRecord"] * 4
    assert len(feature_store.groups[GROUP]) == 100
    record = feature_store.groups[GROUP][CARDS[7]]
    assert record["trans_time"] == "2026-01-01T00:00:00.007Z"
    assert (record["num_trans_last_1h"], record["avg_amt_last_1h"]) == ("2", "20.03")
    assert "mean_age_last_1d" not in record  # missing is left out, never 0
    assert feature_store.writes[0]["TtlDuration"] == {"Unit": "Days", "Value": 7}


def test_of_one_card_the_newest_stays_whatever_the_order(ingest, feature_store):
    def of_card(trans_time, count):
        return feature_message(0, trans_time=trans_time, num_trans_last_10m=count)

    ingest.handler(kafka_event(of_card(MOMENT + 9, 3), of_card(MOMENT + 5, 2)), CONTEXT)
    assert feature_store.groups[GROUP][CARDS[0]]["num_trans_last_10m"] == "3"
    ingest.handler(kafka_event(of_card(MOMENT + 5, 2)), CONTEXT)
    assert feature_store.groups[GROUP][CARDS[0]]["num_trans_last_10m"] == "3"
    ingest.handler(kafka_event(of_card(MOMENT + 10, 4)), CONTEXT)
    assert feature_store.groups[GROUP][CARDS[0]]["num_trans_last_10m"] == "4"


def test_poison_is_skipped(ingest, feature_store):
    assert ingest.handler(kafka_event(feature_message(1), b"\xff", b"{}", None), CONTEXT) == failures()
    assert len(feature_store.groups[GROUP]) == 1


def test_a_batch_of_poison_asks_no_one(ingest, aws):
    assert ingest.handler(kafka_event(b"\xff"), CONTEXT) == failures()
    assert aws.calls == []


def test_what_the_store_leaves_unprocessed_is_sent_again(ingest, feature_store):
    feature_store.unprocessed = [10, 3]
    assert ingest.handler(kafka_event(*[feature_message(number) for number in range(20)]), CONTEXT) == failures()
    assert [len(write["Entries"]) for write in feature_store.writes] == [20, 10, 3]
    assert len(feature_store.groups[GROUP]) == 20


def test_what_the_store_refuses_comes_again(ingest, feature_store):
    feature_store.errors = ["InternalFailure"]
    assert ingest.handler(kafka_event(feature_message(0), feature_message(1)), CONTEXT) == failures(0)
    assert feature_store.groups[GROUP].keys() == {CARDS[1]}


def test_what_stays_unprocessed_comes_again(ingest, feature_store):
    feature_store.unprocessed = [1] * 4
    assert ingest.handler(kafka_event(feature_message(0), feature_message(1)), CONTEXT) == failures(0)


def test_a_throttled_store_fails_the_batch(ingest, feature_store, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    feature_store.failures = [(400, "ThrottlingException")] * 3
    with pytest.raises(WholeBatchFailedError):
        ingest.handler(kafka_event(feature_message(0)), CONTEXT)


def test_where_nobody_reads_the_answer_a_batch_with_a_failure_fails_whole(load, feature_store, monkeypatch):
    """Page kafka-retry-configurations: partial batch responses are for provisioned pollers; others take any answer for done."""
    monkeypatch.setattr("fraud.retries.time.sleep", lambda _: None)
    ingest = load("ingest_features", PARTIAL_FAILURES="false")
    event = kafka_event(feature_message(0), feature_message(1))
    assert ingest.handler(event, CONTEXT) == failures()
    feature_store.errors = ["InternalFailure"]
    with pytest.raises(WholeBatchFailedError, match="1 of 2 records failed"):
        ingest.handler(event, CONTEXT)
    assert CARDS[1] in feature_store.groups[GROUP]
