"""The function `api`: requests of the gateway in, answers out, one decision a transaction."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from fraud.control_group import drawn
from fraud.feature_record import STREAM_NAMES
from fraud.features.groups import STREAM_GROUP, feature_values
from fraud.features.nightly_records import nightly_record, population_records
from fraud.label import as_label
from fraud.ports import ScorerUnavailableError
from lambda_src.ports.label_table import LabelTable
from samples.deciding_world import (
    CARDS,
    MOMENT,
    POPULATION,
    card_record,
    feature_fields,
    feature_message,
    transaction_message,
    write_model,
)
from samples.kafka import failures, kafka_event
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint
from tests.card_number_cases import CARD, SPELLINGS
from tests.lambda_src.conftest import decisions

NOW = MOMENT + 60_000
NIGHTLY, STREAM = "cc-agg-batch-fg", "cc-agg-fg"


def request(method: str, resource: str, body: Any = None, **changes: Any) -> dict[str, Any]:
    """A request as the gateway hands it on."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"requestId": "r-1"},
        "body": text,
        "isBase64Encoded": False,
        **changes,
    }


def transaction(number: int, **changes: Any) -> dict[str, Any]:
    return dict(json.loads(transaction_message(number, **changes)))


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def endpoint(aws, model_dir):
    endpoint = Endpoint(model_dir)
    endpoint.register(aws.events)
    return endpoint


@pytest.fixture
def store(feature_store):
    for card in CARDS:
        feature_store.put(NIGHTLY, nightly_record(card, card_record(MOMENT)))
    for record in population_records(POPULATION, MOMENT):
        feature_store.put(NIGHTLY, record)
    for number, card in enumerate(CARDS[:100]):
        fields = feature_fields(number)
        values = {"cc_num": card, **{name: fields[name] for name in STREAM_NAMES}}
        feature_store.put(STREAM, feature_values(STREAM_GROUP, values, MOMENT))
    return feature_store


@pytest.fixture
def api(load, store, endpoint, table, labels_table, bus, quarantined, monkeypatch):
    function = load("api")
    object.__setattr__(function.scoring, "clock", lambda: NOW)
    monkeypatch.setattr(function.store, "_sleep", lambda _: None)
    monkeypatch.setattr(function.events, "_sleep", lambda _: None)
    return function


def asked(api: Any, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = api.handler(event, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_transaction_is_scored_on_both_groups_joined_with_itself(api, aws, table):
    status, answer = asked(api, request("POST", "/v1/score", transaction(1)))
    assert status == 200, answer
    assert aws.calls == [
        "sagemaker-featurestore-runtime.BatchGetRecord",
        "sagemaker-runtime.InvokeEndpoint",
        "dynamodb.TransactWriteItems",
    ]
    assert (answer["path"], answer["door"], answer["model_version"]) == ("model", "api", "small")
    assert answer["features"] == {
        "windows_age_s": 60.0,
        # 1 transaction in 10 minutes is the last one itself; of 2 in an hour one may be as old as an hour
        "windows_slid": ["1h", "1d"],
        "nightly_age_h": pytest.approx(60 / 3600),
    }
    assert len(answer["reasons"]) == 3
    recorded = decisions(table)["t1"]
    assert recorded.features["num_trans_last_10m"] == 2
    assert recorded.features["avg_amt_population_30d"] == 70.25
    assert recorded.score == answer["score"]


def test_a_repeated_request_is_answered_with_the_first_answer(api, table):
    first = asked(api, request("POST", "/v1/score", transaction(1)))
    object.__setattr__(api.scoring, "clock", lambda: NOW + 90_000)
    assert asked(api, request("POST", "/v1/score", transaction(1))) == first
    found = asked(api, request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": "t1"}))
    assert found == (200, {**first[1], "labels": []})
    assert len(decisions(table)) == 1


def test_a_decision_is_told_with_what_became_known_since(api, labels_table):
    first = asked(api, request("POST", "/v1/score", transaction(1)))[1]
    said = [
        {"is_fraud": False, "source": "analyst", "reported_by": "ann", "known_at": "2026-01-02T00:00:00.000Z"},
        {"is_fraud": True, "source": "chargeback", "reported_by": "issuer 7", "known_at": "2026-01-03T00:00:00.000Z"},
    ]
    labels = LabelTable(labels_table, "labels")
    for one in (*said[::-1], said[0]):
        labels.record(as_label({"transaction_id": "t1", **one}), 0, known_transaction=True)
    labels.record(as_label({"transaction_id": "t2", **said[0]}), 0, known_transaction=True)
    ask = request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": "t1"})
    assert asked(api, ask) == (200, {**first, "labels": said})
    # the answer to the transaction itself stays the first one
    assert asked(api, request("POST", "/v1/score", transaction(1))) == (200, first)


def test_of_many_labels_the_newest_are_told(api, labels_table):
    asked(api, request("POST", "/v1/score", transaction(1)))
    labels = LabelTable(labels_table, "labels")
    moments = [f"2026-01-02T00:{number // 60:02d}:{number % 60:02d}.000Z" for number in range(130)]
    for at in moments:
        label = {"transaction_id": "t1", "is_fraud": True, "source": "analyst", "reported_by": "ann", "known_at": at}
        labels.record(as_label(label), 0, known_transaction=True)
    ask = request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": "t1"})
    assert [one["known_at"] for one in asked(api, ask)[1]["labels"]] == moments[30:]


def test_labels_that_cannot_be_read_are_asked_for_again(api, labels_table):
    asked(api, request("POST", "/v1/score", transaction(1)))
    labels_table.delete_table(TableName="labels")
    ask = request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": "t1"})
    assert asked(api, ask)[0] == 503


def test_another_payment_under_an_id_is_a_conflict_and_both_are_kept(api, table, quarantined):
    asked(api, request("POST", "/v1/score", transaction(1)))
    status, answer = asked(api, request("POST", "/v1/score", transaction(1, amount="99.00")))
    assert (status, answer["error"]["field"]) == (409, "transaction_id")
    assert "amount_cents" in answer["error"]["problem"]
    [(key, [line])] = quarantined().items()
    assert key.startswith("quarantine/collisions/")
    assert line["differs"] == ["amount_cents"]


def test_the_same_transaction_by_stream_and_api_has_one_decision(api, load, table, endpoint):
    decide = load("decide")
    assert decide.handler(kafka_event(feature_message(1)), CONTEXT) == failures()
    streamed = decisions(table)["t1"]
    status, answer = asked(api, request("POST", "/v1/score", transaction(1)))
    assert (status, answer["door"], answer["score"]) == (200, "stream", streamed.score)
    asked(api, request("POST", "/v1/score", transaction(2)))
    assert decide.handler(kafka_event(feature_message(2)), CONTEXT) == failures()
    assert "windows_age_s" in decisions(table)["t2"].features
    assert len(decisions(table)) == 2


def test_both_doors_draw_the_same_control_group(api, load, table, model_dir, endpoint, capsys):
    strict = {"review": 0.0, "block": 0.0}
    endpoint.model = endpoint.model._replace(manifest=endpoint.model.manifest | {"thresholds": strict})
    decide = load("decide")
    decide.deciding.control_group_percent = 30
    object.__setattr__(api.scoring, "control_group_percent", 30)
    decide.handler(kafka_event(*(feature_message(number) for number in range(0, 60, 2))), CONTEXT)
    body = {"transactions": [transaction(number) for number in range(1, 60, 2)]}
    _, answer = asked(api, request("POST", "/v1/score/batch", body))
    told = [one["decision"] for one in answer["results"]]
    assert {(one["outcome"], one["control_group"]) for one in told} == {("approve", True), ("block", False)}
    made = decisions(table)
    assert len(made) == 60
    assert {name for name, one in made.items() if one.control_group} == {
        name for name, one in made.items() if drawn(name, one.cc_num, 30)
    }
    assert {one.would_be for one in made.values()} == {"block"}
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert sum(sum(line.get("ControlGroup", [])) for line in counted) == sum(one.control_group for one in made.values())


def test_a_bad_element_stops_none_of_its_neighbours(api, table):
    body = {
        "transactions": [transaction(1), transaction(2, amount="-1"), 5, transaction(3), transaction(3, amount="1")]
    }
    status, answer = asked(api, request("POST", "/v1/score/batch", body))
    assert status == 200
    assert [one["status"] for one in answer["results"]] == [200, 400, 400, 200, 409]
    assert answer["results"][1]["error"]["field"] == "amount"
    assert decisions(table).keys() == {"t1", "t3"}


def test_a_hundred_are_decided_together(api, aws, table, store):
    body = {"transactions": [transaction(number) for number in range(100)]}
    status, answer = asked(api, request("POST", "/v1/score/batch", body))
    assert (status, {one["status"] for one in answer["results"]}) == (200, {200})
    # page feature-store-quotas: 100 records a call; two of a card, and one of all cards
    assert aws.calls.count("sagemaker-featurestore-runtime.BatchGetRecord") == store.asked == 3
    assert aws.calls.count("sagemaker-runtime.InvokeEndpoint") == 1
    assert len(decisions(table)) == 100
    assert asked(api, request("POST", "/v1/score/batch", {"transactions": [transaction(1)] * 101}))[0] == 400


def test_without_the_model_or_the_store_the_fallback_rule_decides(api, endpoint, store, table):
    object.__setattr__(api.scoring, "scorer", Down())
    status, answer = asked(api, request("POST", "/v1/score", transaction(1, amount="900.00")))
    assert (status, answer["path"], answer["outcome"], answer["score"]) == (200, "fallback", "review", None)
    assert answer["why"]


def test_a_store_that_is_down_or_silent_has_the_rule_decide_and_say_why(api, store, table):
    for number, failing in enumerate([[(500, "InternalFailure")] * 20, ["no answer"] * 20], 1):
        store.failures[:] = failing
        status, answer = asked(api, request("POST", "/v1/score", transaction(number, amount="900.00")))
        assert (status, answer["path"], answer["outcome"]) == (200, "fallback", "review")
        assert answer["why"].startswith("the nightly store does not answer")
        assert decisions(table)[f"t{number}"].why == answer["why"]
    store.failures.clear()
    assert asked(api, request("POST", "/v1/score", transaction(3)))[1]["path"] == "model"


def test_a_table_that_is_down_gives_no_decision_and_says_to_ask_again(api, table, monkeypatch):
    def down(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    with monkeypatch.context() as patched:
        patched.setattr(api.store, "record", down)
        status, answer = asked(api, request("POST", "/v1/score", transaction(1)))
    assert (status, answer["error"]["field"]) == (503, "request")
    assert answer["error"]["allowed"] == "the same request again: it is decided once"
    assert decisions(table) == {}
    assert asked(api, request("POST", "/v1/score", transaction(1)))[0] == 200


def test_the_same_transactions_by_stream_and_api_at_once_have_one_decision_each(api, load, table, monkeypatch):
    """Each has made its own decision before either records one."""
    decide = load("decide")
    both, at_once = threading.Barrier(2, timeout=60), []
    one_write = (
        threading.Lock()
    )  # moto's table is not made for threads; DynamoDB's transactions are one after the other
    for kept in (api.store, decide.deciding.store):
        record = kept.record

        def recorded(made: Any, record: Any = record) -> Any:
            both.wait()
            at_once.append(made[0].decided_at)
            with one_write:
                return record(made)

        monkeypatch.setattr(kept, "record", recorded)
    doors = set()
    for number in range(1, 13):
        with ThreadPoolExecutor(2) as callers:
            streamed = callers.submit(decide.handler, kafka_event(feature_message(number)), CONTEXT)
            asked_for = callers.submit(asked, api, request("POST", "/v1/score", transaction(number)))
            assert streamed.result() == failures()
            status, answer = asked_for.result()
        stands = decisions(table)[f"t{number}"]
        assert (status, answer["score"], answer["outcome"]) == (200, stands.score, stands.outcome)
        assert answer["door"] == ("api" if "windows_age_s" in stands.features else "stream")
        doors.add(answer["door"])
    assert len(decisions(table)) == 12
    assert len(at_once) == 24
    assert doors


class Down:
    def score(self, *_: Any) -> Any:
        raise ScorerUnavailableError("the model did not answer in time")


def test_review_and_block_are_published(api, bus):
    asked(api, request("POST", "/v1/score", transaction(1, amount="990.00")))
    [event] = bus
    assert event["DetailType"] in ("Transaction review", "Transaction block")


def test_labels_are_put_on_the_bus_and_a_bad_one_stops_no_other(api, bus):
    good = {
        "transaction_id": "t1",
        "is_fraud": True,
        "source": "analyst",
        "reported_by": "ann",
        "known_at": "2026-11-28T09:00:00.000Z",
    }
    status, answer = asked(api, request("POST", "/v1/labels", {"labels": [good, {**good, "source": "nobody"}]}))
    assert (status, answer["accepted"]) == (202, 1)
    assert [one["status"] for one in answer["results"]] == [202, 400]
    [event] = bus
    assert (event["DetailType"], json.loads(event["Detail"])) == ("transaction labelled", good)


def test_health_and_document_ask_nothing_behind(api, aws):
    assert asked(api, request("GET", "/v1/health")) == (200, {"status": "ok"})
    status, document = asked(api, request("GET", "/v1/openapi.json"))
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert aws.calls == []


def test_an_unknown_decision_and_a_wrong_id(api):
    def of(name: str) -> int:
        return asked(api, request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": name}))[0]

    assert (of("t404"), of("no id"), of("")) == (404, 400, 400)


@pytest.mark.parametrize(
    "place",
    [
        lambda text: request("POST", "/v1/score", transaction(1, note=text)),
        lambda text: request("POST", "/v1/score", transaction(1, cc_num=text)),
        lambda text: request("POST", "/v1/score/batch", {"transactions": [transaction(1), transaction(2, note=text)]}),
        lambda text: request("GET", "/v1/health", multiValueQueryStringParameters={"card": [text]}),
        lambda text: request("GET", "/v1/health", multiValueQueryStringParameters={text: ["x"]}),
        lambda text: request("GET", "/v1/health", multiValueHeaders={"X-Card": [text]}),
        lambda text: request("GET", "/v1/decisions/{transaction_id}", pathParameters={"transaction_id": text}),
    ],
)
def test_a_card_number_in_any_part_is_refused_and_said_nowhere(api, aws, place, capsys):
    for text in SPELLINGS.values():
        answer = api.handler(place(text), CONTEXT)
        assert answer["statusCode"] == 400, text
        assert CARD not in answer["body"]
    assert aws.calls == []
    printed = capsys.readouterr()
    assert CARD not in printed.out + printed.err
