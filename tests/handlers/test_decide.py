"""The function `decide`: an event in, decisions in the table, events on the bus, refused messages in the quarantine."""

from __future__ import annotations

import json

import pytest

from fraud.decision import Decision
from fraud.features.groups import nightly_record, population_record
from lambda_src.kafka_event import WholeBatchFailedError
from tests.deciding_world import CARDS, MOMENT, POPULATION, card_record, feature_message, write_model
from tests.handlers.conftest import decisions
from tests.handlers.kafka import failures, kafka_event
from tests.handlers.stand_ins import Endpoint

DAY_MS = 86_400_000
NIGHTLY = "cc-agg-batch-fg"


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def endpoint(aws, model_dir):
    endpoint = Endpoint(model_dir)
    endpoint.register(aws.events)
    return endpoint


@pytest.fixture
def nightly(feature_store):
    for card in CARDS:
        feature_store.put(NIGHTLY, nightly_record(card, card_record(MOMENT)))
    feature_store.put(NIGHTLY, population_record(POPULATION, MOMENT))
    return feature_store


@pytest.fixture
def decide(load, nightly, endpoint, table, bus, quarantined, monkeypatch):
    function = load("decide")
    monkeypatch.setattr(function.deciding, "clock", lambda: MOMENT + 500)
    monkeypatch.setattr(function.deciding.store, "_sleep", lambda _: None)
    monkeypatch.setattr(function.events, "_sleep", lambda _: None)
    return function


def hundred():
    return [feature_message(number, amount_cents=2_000) for number in range(100)]


def test_a_happy_batch_of_a_hundred_takes_at_most_five_calls(decide, aws, table, endpoint):
    messages = [*hundred()[:98], feature_message(98, amount_cents=99_000), feature_message(99, amount_cents=99_000)]
    assert decide.handler(kafka_event(*messages), None) == failures()
    assert aws.calls == [
        "sagemaker-featurestore-runtime.BatchGetRecord",  # the categories of a model are known once it answered
        "sagemaker-runtime.InvokeEndpoint",
        "sagemaker-runtime.InvokeEndpoint",
        "dynamodb.TransactWriteItems",
        "events.PutEvents",
    ]
    aws.calls.clear()
    assert decide.handler(kafka_event(*[feature_message(number + 100) for number in range(100)]), None) == failures()
    assert aws.calls == [
        "sagemaker-featurestore-runtime.BatchGetRecord",
        "sagemaker-runtime.InvokeEndpoint",
        "dynamodb.TransactWriteItems",
    ]
    decided = decisions(table)
    assert len(decided) == 200
    assert {decision.path for decision in decided.values()} == {"model"}
    assert {len(rows) for rows in endpoint.rows} == {100}


def test_a_decision_carries_what_it_was_made_on(decide, table):
    decide.handler(kafka_event(feature_message(1)), None)
    decision = decisions(table)["t1"]
    assert (decision.model_version, decision.nightly_cut, decision.decided_at) == ("small", MOMENT, MOMENT + 500)
    assert (decision.features["avg_amt_category_all"], decision.features["num_trans_hour_all"]) == (20.53, 2)
    assert decision.features["avg_amt_population_30d"] == 70.25
    item = table.get_item(TableName="decisions", Key={"transaction_id": {"S": "t1"}})["Item"]
    assert (float(item["score"]["N"]), item["outcome"]["S"]) == (decision.score, decision.outcome)
    assert "why" not in item


def test_review_and_block_are_published_with_the_whole_decision(decide, table, bus):
    decide.handler(kafka_event(feature_message(1), feature_message(2, amount_cents=99_000)), None)
    [event] = bus
    assert (event["EventBusName"], event["Source"]) == ("decided", "card-fraud")
    assert event["DetailType"] == "Transaction block"
    assert Decision.from_json(event["Detail"]) == decisions(table)["t2"]


def test_a_redelivered_transaction_keeps_its_decision_and_new_ones_are_recorded(decide, aws, table, bus):
    decide.handler(kafka_event(feature_message(1)), None)
    first = decisions(table)["t1"]
    aws.calls.clear()
    assert decide.handler(kafka_event(feature_message(1, amount_cents=99_000), feature_message(2)), None) == failures()
    decided = decisions(table)
    assert decided["t1"] == first
    assert decided.keys() == {"t1", "t2"}
    assert aws.calls[2:] == ["dynamodb.TransactWriteItems", "dynamodb.BatchGetItem", "dynamodb.TransactWriteItems"]


def test_a_decision_that_was_recorded_but_not_told_is_told_when_it_comes_again(decide, table, bus, monkeypatch):
    message = feature_message(1, amount_cents=99_000)
    refusing = lambda Entries: {"Entries": [{"ErrorCode": "ThrottlingException"} for _ in Entries]}  # noqa: E731, N803
    with monkeypatch.context() as patched:
        patched.setattr(decide.events._client, "put_events", refusing)
        with pytest.raises(WholeBatchFailedError):
            decide.handler(kafka_event(message), None)
    assert (decisions(table).keys(), bus) == ({"t1"}, [])
    monkeypatch.setattr(decide.deciding, "clock", lambda: MOMENT + 900)
    assert decide.handler(kafka_event(message), None) == failures()
    assert [json.loads(event["Detail"])["transaction_id"] for event in bus] == ["t1"]


def test_poison_goes_to_quarantine_and_the_good_are_decided(decide, table, quarantined):
    poison = feature_message(2, cc_num="4111111111111111")
    event = kafka_event(feature_message(1), poison, b"\xff", feature_message(3), partition=2, offset=40)
    assert decide.handler(event, None) == failures()
    assert decisions(table).keys() == {"t1", "t3"}
    [(key, lines)] = quarantined().items()
    assert key == "quarantine/features/2026-01-01/2-41.jsonl"
    assert [line["source"]["offset"] for line in lines] == [41, 42]
    assert "; allowed: a card token" in lines[0]["reason"]
    assert "4111111111111111" not in json.dumps(lines)


def test_poison_that_cannot_be_kept_comes_again_alone(decide, aws, table):
    s3 = aws.client("s3")
    s3.delete_bucket(Bucket="archive")
    assert decide.handler(kafka_event(feature_message(1), b"\xff", feature_message(3)), None) == failures(1)
    assert decisions(table).keys() == {"t1", "t3"}


def test_heartbeats_are_passed_over(decide, aws):
    assert decide.handler(kafka_event(None, b"{}", b'{"transaction_id": null}'), None) == failures()
    assert aws.calls == []


@pytest.mark.parametrize(
    ("failing", "why", "asked"),
    [
        ([(400, "ValidationError")], "a failure of the stand-in", 1),
        *[([(status, "ModelError")], "ModelError", 1) for status in (400, 406, 415)],
        ([(0, "ModelError")] * 2, "ModelError", 2),
        ([(429, "ModelNotReadyException")] * 2, "ModelNotReadyException", 2),
        ([(400, "ThrottlingException")] * 2, "ThrottlingException", 2),
        ([(500, "ModelError")] * 2, "ModelError", 2),
        ([(503, "ServiceUnavailable")] * 2, "ServiceUnavailable", 2),
        (["time-out"], "the model did not answer in time", 1),
    ],
)
def test_an_endpoint_that_fails_leaves_it_to_the_rule(decide, table, endpoint, failing, why, asked):
    endpoint.failures = failing
    event = kafka_event(feature_message(1), feature_message(2, amount_cents=60_000))
    assert decide.handler(event, None) == failures()
    decided = decisions(table)
    assert {decision.path for decision in decided.values()} == {"fallback"}
    assert (decided["t1"].outcome, decided["t2"].outcome) == ("approve", "review")
    assert why in decided["t1"].why
    assert endpoint.asked == asked


def test_an_endpoint_that_fails_once_is_asked_again(decide, table, endpoint):
    endpoint.failures = [(500, "ModelError")]
    decide.handler(kafka_event(feature_message(1)), None)
    assert decisions(table)["t1"].path == "model"


def test_the_model_of_the_first_deployment_decides_nothing(load, nightly, table, bus, aws, tmp_path):
    Endpoint(write_model(tmp_path, model_version="bootstrap")).register(aws.events)
    load("decide").handler(kafka_event(feature_message(1)), None)
    decision = decisions(table)["t1"]
    assert (decision.path, decision.why) == ("fallback", "no model is deployed yet")


@pytest.mark.parametrize(
    "failing", [{"failures": [(400, "ThrottlingException")] * 2}, {"errors": ["InternalFailure"]}, {"unprocessed": [1] * 3}]
)  # fmt: skip
def test_a_throttled_nightly_store_leaves_it_to_the_rule(decide, table, nightly, failing):
    for name, value in failing.items():
        setattr(nightly, name, value)
    decide.handler(kafka_event(feature_message(1)), None)
    decision = decisions(table)["t1"]
    assert decision.path == "fallback"
    assert decision.why.startswith("the nightly store")


def test_what_the_nightly_store_leaves_unprocessed_is_asked_for_again(decide, table, nightly):
    nightly.unprocessed = [30, 3]
    decide.handler(kafka_event(*hundred()), None)
    decided = decisions(table)
    assert nightly.asked == 3
    assert {decision.features["num_trans_all"] for decision in decided.values()} == {25}


def test_a_stale_nightly_store_is_used_with_a_warning(decide, table):
    moment = MOMENT + 3 * DAY_MS
    decide.handler(kafka_event(feature_message(1, trans_time=moment), feature_message(2)), None)
    decided = decisions(table)
    assert (decided["t1"].path, decided["t1"].warning) == ("model", "nightly features are 3.0 days old")
    assert decided["t2"].warning is None


def test_an_unknown_card_has_no_history(decide, table):
    decide.handler(kafka_event(feature_message(1, cc_num="f" * 32)), None)
    decision = decisions(table)["t1"]
    assert (decision.path, decision.nightly_cut) == ("model", None)
    assert (decision.features["num_trans_all"], decision.features["avg_amt_all"]) == (0, None)


def throttling(table_port, times, monkeypatch):
    """The first `times` transactions are refused as the service refuses them when it is asked for too much."""
    real, left = table_port._client.transact_write_items, [times]
    cancelled = table_port._client.exceptions.TransactionCanceledException

    def write(TransactItems):  # noqa: N803 - the service's name
        if left[0]:
            left[0] -= 1
            reasons = [{"Code": "ThrottlingError"}, *[{"Code": "None"}] * (len(TransactItems) - 1)]
            raise cancelled({"Error": {"Code": "x"}, "CancellationReasons": reasons}, "TransactWriteItems")
        return real(TransactItems=TransactItems)

    monkeypatch.setattr(table_port._client, "transact_write_items", write)


def test_a_throttled_table_is_tried_again(decide, table, monkeypatch):
    throttling(decide.deciding.store, 3, monkeypatch)
    assert decide.handler(kafka_event(feature_message(1), feature_message(2)), None) == failures()
    assert decisions(table).keys() == {"t1", "t2"}


def test_a_table_that_stays_throttled_fails_the_batch_and_nothing_is_half_written(decide, table, monkeypatch):
    throttling(decide.deciding.store, 5, monkeypatch)
    with pytest.raises(WholeBatchFailedError):
        decide.handler(kafka_event(feature_message(1), feature_message(2)), None)
    assert decisions(table) == {}


def test_of_a_large_batch_only_the_hundred_that_failed_come_again(decide, table, monkeypatch):
    throttling(decide.deciding.store, 5, monkeypatch)
    messages = [feature_message(number) for number in range(150)]
    assert decide.handler(kafka_event(*messages), None) == failures(*range(100))
    assert len(decisions(table)) == 50


def test_what_it_counts(decide, capsys, monkeypatch):
    monkeypatch.setattr(decide, "now_ms", lambda: MOMENT + 1_000)
    decide.handler(kafka_event(feature_message(0), feature_message(1), b"\xff"), None)
    monkeypatch.setattr(decide.deciding, "clock", lambda: MOMENT + 900)
    decide.handler(kafka_event(feature_message(1)), None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    figures = [line for line in lines if "Decisions" in line]
    assert [{key: line.get(key) for key in ("service", "outcome", "path", "Decisions")} for line in figures] == [
        {"service": "decide", "outcome": "approve", "path": None, "Decisions": [2.0]},
        {"service": "decide", "outcome": None, "path": "model", "Decisions": [2.0]},
    ]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CardFraud" for line in lines)
    [others] = [line for line in lines if "Quarantined" in line]
    assert (others["Quarantined"], others["DecisionLatency"]) == ([1.0], [1000.0, 999.0])
