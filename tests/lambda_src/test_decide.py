"""The function `decide`: an event in, decisions in the table, events on the bus, refused messages in the quarantine."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fraud.answers import REASONS
from fraud.decision import Decision
from fraud.feature_record import STREAM_NAMES
from fraud.features.nightly_records import nightly_record, population_records
from fraud.model_request import CONTENT_TYPE, request_body
from fraud.vector import given_input
from lambda_src.kafka_event import WholeBatchFailedError
from samples.deciding_world import CARDS, MOMENT, POPULATION, card_record, feature_message, write_model
from samples.kafka import failures, kafka_event
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint
from tests.lambda_src.conftest import decisions
from tests.lambda_src.limits import item_bytes

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
    for record in population_records(POPULATION, MOMENT):
        feature_store.put(NIGHTLY, record)
    return feature_store


@pytest.fixture
def decide(load, nightly, endpoint, table, bus, quarantined, monkeypatch):
    function = load("decide")
    monkeypatch.setattr(function.deciding, "clock", lambda: MOMENT + 500)
    monkeypatch.setattr(function.deciding.store, "_sleep", lambda _: None)
    monkeypatch.setattr(function.events, "_sleep", lambda _: None)
    return function


def batch(first=0, count=99):
    """As many as the mapping gives at once, each of another card."""
    return [feature_message(number, amount_cents=2_000) for number in range(first, first + count)]


@pytest.mark.slow
def test_a_whole_batch_takes_at_most_four_calls(decide, aws, table, endpoint):
    messages = [*batch(count=97), feature_message(97, amount_cents=99_000), feature_message(98, amount_cents=99_000)]
    assert decide.handler(kafka_event(*messages), CONTEXT) == failures()
    assert aws.calls == [
        "sagemaker-featurestore-runtime.BatchGetRecord",
        "sagemaker-runtime.InvokeEndpoint",
        "dynamodb.TransactWriteItems",
        "events.PutEvents",
    ]
    aws.calls.clear()
    assert decide.handler(kafka_event(*batch(first=99)), CONTEXT) == failures()
    assert aws.calls == [
        "sagemaker-featurestore-runtime.BatchGetRecord",
        "sagemaker-runtime.InvokeEndpoint",
        "dynamodb.TransactWriteItems",
    ]
    decided = decisions(table)
    assert len(decided) == 198
    assert {decision.path for decision in decided.values()} == {"model"}
    assert {len(rows) for rows in endpoint.rows} == {99}


@pytest.mark.slow
@pytest.mark.parametrize("count", [99, 100, 101, 198, 200])
def test_however_many_cards_an_event_has_no_read_asks_for_over_a_hundred_records(decide, table, nightly, count):
    # page feature-store-quotas: "BatchGetRecord API: can contain as many as 100 records"; tests.lambda_src.limits refuses more
    assert decide.handler(kafka_event(*batch(count=count)), CONTEXT) == failures()
    assert nightly.asked == -(-count // 99)
    assert {decision.path for decision in decisions(table).values()} == {"model"}
    assert {decision.features["avg_amt_population_30d"] for decision in decisions(table).values()} == {70.25}


def test_a_read_of_many_cards_is_split(decide, nightly):
    found = decide.deciding.nightly.read(CARDS)
    assert (len(found.cards), nightly.asked) == (200, 3)
    assert found.population == POPULATION


def test_a_decision_carries_what_it_was_made_on(decide, table):
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    decision = decisions(table)["t1"]
    assert (decision.model_version, decision.nightly_cut, decision.decided_at) == ("small", MOMENT, MOMENT + 500)
    assert (decision.features["avg_amt_category_all"], decision.features["num_trans_hour_all"]) == (20.53, 2)
    assert decision.features["avg_amt_population_30d"] == 70.25
    item = table.get_item(TableName="decisions", Key={"transaction_id": {"S": "t1"}})["Item"]
    assert (float(item["score"]["N"]), item["outcome"]["S"]) == (decision.score, decision.outcome)
    assert "why" not in item


def test_review_and_block_are_published_with_the_whole_decision(decide, table, bus):
    decide.handler(kafka_event(feature_message(1), feature_message(2, amount_cents=99_000)), CONTEXT)
    [event] = bus
    assert (event["EventBusName"], event["Source"]) == ("decided", "card-fraud")
    assert event["DetailType"] == "Transaction block"
    assert Decision.from_json(event["Detail"]) == decisions(table)["t2"]


def test_a_redelivered_transaction_keeps_its_decision_and_new_ones_are_recorded(decide, aws, table, bus):
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    first = decisions(table)["t1"]
    aws.calls.clear()
    # the broker stamps a producer's second try anew
    again = feature_message(1, trans_time=MOMENT + 90_000)
    assert decide.handler(kafka_event(again, feature_message(2)), CONTEXT) == failures()
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
            decide.handler(kafka_event(message), CONTEXT)
    assert (decisions(table).keys(), bus) == ({"t1"}, [])
    monkeypatch.setattr(decide.deciding, "clock", lambda: MOMENT + 900)
    assert decide.handler(kafka_event(message), CONTEXT) == failures()
    assert [json.loads(event["Detail"])["transaction_id"] for event in bus] == ["t1"]


def test_poison_goes_to_quarantine_and_the_good_are_decided(decide, table, quarantined):
    poison = feature_message(2, cc_num="4111111111111111")
    event = kafka_event(feature_message(1), poison, b"\xff", feature_message(3), partition=2, offset=40)
    assert decide.handler(event, CONTEXT) == failures()
    assert decisions(table).keys() == {"t1", "t3"}
    [(key, lines)] = quarantined().items()
    assert key == "quarantine/features/2026-01-01/2-41.jsonl"
    assert [line["source"]["offset"] for line in lines] == [41, 42]
    assert "; allowed: a card token" in lines[0]["reason"]
    assert "4111111111111111" not in json.dumps(lines)


def test_poison_that_cannot_be_kept_comes_again_alone(decide, aws, table):
    s3 = aws.client("s3")
    s3.delete_bucket(Bucket="archive")
    assert decide.handler(kafka_event(feature_message(1), b"\xff", feature_message(3)), CONTEXT) == failures(1)
    assert decisions(table).keys() == {"t1", "t3"}


def test_heartbeats_are_skipped(decide, aws):
    assert decide.handler(kafka_event(None, b"{}", b'{"transaction_id": null}'), CONTEXT) == failures()
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
    assert decide.handler(event, CONTEXT) == failures()
    decided = decisions(table)
    assert {decision.path for decision in decided.values()} == {"fallback"}
    assert (decided["t1"].outcome, decided["t2"].outcome) == ("approve", "review")
    assert why in decided["t1"].why
    assert endpoint.asked == asked


def test_an_endpoint_that_fails_once_is_asked_again(decide, table, endpoint):
    endpoint.failures = [(500, "ModelError")]
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    assert decisions(table)["t1"].path == "model"


def test_the_model_of_the_first_deployment_decides_nothing(load, nightly, table, bus, aws, tmp_path):
    Endpoint(write_model(tmp_path, model_version="bootstrap")).register(aws.events)
    load("decide").handler(kafka_event(feature_message(1)), CONTEXT)
    decision = decisions(table)["t1"]
    assert (decision.path, decision.why) == ("fallback", "no model is deployed yet")


@pytest.mark.parametrize(
    "failing", [{"failures": [(400, "ThrottlingException")] * 2}, {"errors": ["InternalFailure"]}, {"unprocessed": [1] * 3}]
)  # fmt: skip
def test_a_throttled_nightly_store_leaves_it_to_the_rule(decide, table, nightly, failing):
    for name, value in failing.items():
        setattr(nightly, name, value)
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    decision = decisions(table)["t1"]
    assert decision.path == "fallback"
    assert decision.why.startswith("the nightly store")


def test_what_the_nightly_store_leaves_unprocessed_is_asked_for_again(decide, table, nightly):
    nightly.unprocessed = [30, 3]
    decide.handler(kafka_event(*batch()), CONTEXT)
    decided = decisions(table)
    assert nightly.asked == 3
    assert {decision.features["num_trans_all"] for decision in decided.values()} == {25}


def test_a_stale_nightly_store_is_used_with_a_warning(decide, table):
    moment = MOMENT + 3 * DAY_MS
    decide.handler(kafka_event(feature_message(1, trans_time=moment), feature_message(2)), CONTEXT)
    decided = decisions(table)
    assert (decided["t1"].path, decided["t1"].warning) == ("model", "nightly features are 3.0 days old")
    assert decided["t2"].warning is None


@pytest.mark.parametrize(
    "flaw", [{"habits": "{"}, {"habits": "[]"}, {"avg_amt_all": "much"}, {"avg_amt_all": "inf"}, {"trans_time": "?"}]
)
def test_a_malformed_nightly_record_leaves_its_own_card_to_the_rule(decide, table, nightly, flaw):
    nightly.groups[NIGHTLY][CARDS[1]] |= flaw
    decide.handler(kafka_event(feature_message(0), feature_message(1), feature_message(2)), CONTEXT)
    decided = decisions(table)
    assert [decided[f"t{number}"].path for number in range(3)] == ["model", "fallback", "model"]
    assert decided["t1"].why.startswith("a nightly record is malformed: ")
    assert decided["t2"].features["num_trans_all"] == 25


def test_a_malformed_record_of_all_categories_leaves_all_to_the_rule(decide, table, nightly):
    nightly.groups[NIGHTLY]["population"]["habits"] = "{" * 100_000
    decide.handler(kafka_event(feature_message(0)), CONTEXT)
    decision = decisions(table)["t0"]
    assert decision.path == "fallback"
    assert len(decision.why) <= 300


def test_an_unknown_card_has_no_history(decide, table):
    decide.handler(kafka_event(feature_message(1, cc_num="f" * 32)), CONTEXT)
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
    assert decide.handler(kafka_event(feature_message(1), feature_message(2)), CONTEXT) == failures()
    assert decisions(table).keys() == {"t1", "t2"}


def test_a_table_that_stays_throttled_fails_the_batch_and_nothing_is_half_written(decide, table, monkeypatch):
    throttling(decide.deciding.store, 5, monkeypatch)
    with pytest.raises(WholeBatchFailedError):
        decide.handler(kafka_event(feature_message(1), feature_message(2)), CONTEXT)
    assert decisions(table) == {}


def test_of_a_large_batch_only_those_that_failed_come_again(decide, table, monkeypatch):
    throttling(decide.deciding.store, 5, monkeypatch)
    messages = [feature_message(number) for number in range(150)]
    assert decide.handler(kafka_event(*messages), CONTEXT) == failures(*range(99))
    assert len(decisions(table)) == 51


FIRST = {"transaction_id": "t1", "cc_num": CARDS[1], "amount_cents": 1007, "event_time": "2026-01-01T00:00:00.000Z"}


def collided(quarantined):
    return [line for key, lines in quarantined().items() for line in lines if key.startswith("quarantine/collisions/")]


@pytest.mark.parametrize(
    "other", [{"cc_num": CARDS[7]}, {"amount_cents": 99_000}, {"event_time": "2026-01-01T00:00:00.001Z"}]
)
@pytest.mark.parametrize("together", [True, False])
def test_two_payments_under_one_id_are_counted_logged_and_kept_and_the_first_stands(
    decide, table, quarantined, capsys, caplog, other, together
):
    first, second = feature_message(1), feature_message(1, trans_time=MOMENT + 9, **other)
    for messages in [(first, second, feature_message(2))] if together else [(first,), (second, feature_message(2))]:
        assert decide.handler(kafka_event(*messages), CONTEXT) == failures()
    decided = decisions(table)
    assert decided.keys() == {"t1", "t2"}
    assert (decided["t1"].cc_num, decided["t1"].amount_cents, decided["t1"].event_time) == tuple(FIRST.values())[1:]
    [line] = collided(quarantined)
    assert line == {"transaction_id": "t1", "differs": [*other], "standing": FIRST, "other": FIRST | other}
    [key] = quarantined()
    assert key.startswith("quarantine/collisions/2026-01-01/")
    assert [line["Collisions"] for line in metric_lines(capsys) if "Collisions" in line] == [[1.0]]
    assert [record.transaction_id for record in caplog.records if "two payments" in record.message] == ["t1"]


def test_a_collision_that_comes_again_writes_the_same_object(decide, quarantined):
    for _ in range(2):
        decide.handler(kafka_event(feature_message(1), feature_message(1, amount_cents=5)), CONTEXT)
    assert len(quarantined()) == 1


def test_a_decision_of_before_its_time_was_kept_is_compared_by_what_it_has(decide, table, quarantined):
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    old = json.loads(decisions(table)["t1"].to_json())
    del old["event_time"]
    change = {":old": {"S": json.dumps(old | {"of_another_version": 1})}}
    key = {"transaction_id": {"S": "t1"}}
    table.update_item(
        TableName="decisions", Key=key, UpdateExpression="SET decision = :old", ExpressionAttributeValues=change
    )
    assert decide.handler(kafka_event(feature_message(1)), CONTEXT) == failures()
    assert quarantined() == {}
    assert decide.handler(kafka_event(feature_message(1, amount_cents=5)), CONTEXT) == failures()
    assert [line["differs"] for line in collided(quarantined)] == [["amount_cents"]]


def test_a_collision_that_cannot_be_kept_comes_again_alone(decide, aws, table):
    aws.client("s3").delete_bucket(Bucket="archive")
    messages = [feature_message(0), feature_message(0, amount_cents=5), feature_message(1)]
    assert decide.handler(kafka_event(*messages), CONTEXT) == failures(1)
    assert decisions(table).keys() == {"t0", "t1"}


def test_an_event_that_the_bus_refuses_has_its_transaction_come_again_alone(decide, bus, monkeypatch):
    real = decide.events._client.put_events

    def refusing_one(Entries):  # noqa: N803 - the service's name
        kept = [entry for entry in Entries if '"t2"' not in entry["Detail"]]
        answers = iter(real(Entries=kept)["Entries"] if kept else ())
        refused = {"ErrorCode": "MalformedDetail"}
        return {"Entries": [next(answers) if entry in kept else refused for entry in Entries]}

    monkeypatch.setattr(decide.events._client, "put_events", refusing_one)
    messages = [feature_message(number, amount_cents=99_000) for number in range(14)]
    assert decide.handler(kafka_event(*messages), CONTEXT) == failures(2)
    told = [json.loads(event["Detail"])["transaction_id"] for event in bus]
    assert told == [f"t{number}" for number in range(14) if number != 2]


def test_the_largest_decision_is_a_hundredth_of_what_a_call_takes(decide, table, nightly):
    # 12 bytes a character as JSON, the longest numbers, the longest reason of a fallback
    texts = {"transaction_id": "t" * 64, "category": "\U0001f600" * 100, "amount_cents": 99_999_999}
    numbers = dict.fromkeys(STREAM_NAMES, 123456789012345.67)
    decide.handler(kafka_event(feature_message(1, **texts, **numbers)), CONTEXT)
    nightly.failures = [(400, "ThrottlingException" * 10_000)] * 2
    decide.handler(kafka_event(feature_message(1, **{**texts, **numbers, "transaction_id": "u" * 64})), CONTEXT)
    sizes = [item_bytes(item) for item in table.scan(TableName="decisions")["Items"]]
    assert len(sizes) == 2
    assert max(sizes) < 4 * 1024 * 1024 / 100  # page API_TransactWriteItems: 4 MB


def test_what_the_endpoint_is_sent_is_within_its_limits():
    # page API_runtime_InvokeEndpoint: ContentType up to 1024 characters, Body up to 6291456 bytes
    assert len(CONTENT_TYPE) <= 1024
    given = given_input({"category": [f"{number:0>100}" for number in range(100)]})
    assert len(request_body(np.zeros((100, len(given.names)), np.float32), given, REASONS)) < 6_291_456


@pytest.mark.slow
def test_no_line_of_metrics_holds_over_a_hundred_values(decide, capsys):
    # page CloudWatch_Embedded_Metric_Format_Specification: a metric's array of values has at most 100 members
    decide.handler(kafka_event(*batch(count=250)), CONTEXT)
    latencies = [line["DecisionLatency"] for line in metric_lines(capsys) if "DecisionLatency" in line]
    assert sum(map(len, latencies)) == 250
    assert max(map(len, latencies)) <= 100


def metric_lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_what_it_counts(decide, capsys, monkeypatch):
    monkeypatch.setattr(decide, "now_ms", lambda: MOMENT + 1_000)
    decide.handler(kafka_event(feature_message(0), feature_message(1), b"\xff"), CONTEXT)
    monkeypatch.setattr(decide.deciding, "clock", lambda: MOMENT + 900)
    decide.handler(kafka_event(feature_message(1)), CONTEXT)
    lines = metric_lines(capsys)
    figures = [line for line in lines if "Decisions" in line]
    assert [{key: line.get(key) for key in ("service", "outcome", "path", "Decisions")} for line in figures] == [
        {"service": "decide", "outcome": "approve", "path": None, "Decisions": [2.0]},
        {"service": "decide", "outcome": None, "path": "model", "Decisions": [2.0]},
    ]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CardFraud" for line in lines)
    assert not [line for line in lines if "ControlGroup" in line]
    [others] = [line for line in lines if "Quarantined" in line]
    assert (others["Quarantined"], others["DecisionLatency"]) == ([1.0], [1000.0, 999.0])
