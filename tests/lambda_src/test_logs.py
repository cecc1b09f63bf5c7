"""What each function's log lines carry: the request, whether the instance is new, the transactions concerned, no card's token."""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest
from aws_lambda_powertools.logging import logger as powertools
from botocore.exceptions import ClientError

from lambda_src.kafka_event import WholeBatchFailedError
from samples.deciding_world import CARDS, MOMENT, feature_message, transaction_message
from samples.environments import ENVIRONMENTS
from samples.kafka import kafka_event
from samples.labels import label, queued
from samples.lambda_context import CONTEXT, REQUEST_ID
from samples.s3 import TEST_EVENT
from tests.lambda_src.cloudformation import request
from tests.lambda_src.test_archive import decision, stream_event


@pytest.fixture
def logged(load, monkeypatch):
    """Loads a function and gives it with its log lines, as CloudWatch gets them: a function that parses them."""

    def of(name):
        sys.modules.pop("lambda_src.custom_resource", None)  # it would go on with the logger of the function before
        monkeypatch.setattr(powertools, "is_cold_start", True)
        function = load(name)
        stream = io.StringIO()
        sys.modules["lambda_src.telemetry"].logger.registered_handler.setStream(stream)

        def lines():
            text = stream.getvalue()
            assert not [card for card in CARDS if card in text]
            return [json.loads(line) for line in text.splitlines()]

        return function, lines

    return of


def refused(*_, **__):
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Operation")


def accept(function, monkeypatch):
    monkeypatch.setattr(function.queue._client, "send_message", refused)
    event = kafka_event(transaction_message(1), transaction_message(2), topic="transactions")
    return lambda: function.handler(event, CONTEXT)


def archive(function, monkeypatch):
    monkeypatch.setattr(function.quarantine, "keep", lambda _: [])
    invalid = [transaction_message(number, merchant=" ") for number in (1, 2)]
    return lambda: function.handler(kafka_event(*invalid, topic="transactions"), CONTEXT)


def archive_of_decisions(function, monkeypatch):
    monkeypatch.setattr(function.quarantine, "keep", lambda _: [])
    event = stream_event(decision(1))
    event["Records"][0]["dynamodb"]["NewImage"] = {"transaction_id": {"S": "t1"}}
    event["Records"][0]["dynamodb"]["SequenceNumber"] = "12"
    return lambda: function.handler(event, CONTEXT)


def decide(function, monkeypatch):
    monkeypatch.setattr(function.deciding.nightly._client, "batch_get_record", refused)
    monkeypatch.setattr(function.deciding.store._client, "transact_write_items", refused)
    event = kafka_event(feature_message(1), feature_message(2))
    return lambda: function.handler(event, CONTEXT)


def ingest_features(function, monkeypatch):
    monkeypatch.setattr(function.store, "batch_write_record", refused)
    event = kafka_event(feature_message(1), feature_message(2))
    return lambda: function.handler(event, CONTEXT)


def watch(function, monkeypatch):
    monkeypatch.setattr(function.store._client, "batch_get_item", refused)
    body = json.dumps([[transaction_message(number).decode(), MOMENT] for number in (1, 2)])
    message = {
        "messageId": "m1",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
    function.processor.raise_on_entire_batch_failure = False
    return lambda: function.handler({"Records": [message]}, CONTEXT)


def api(function, monkeypatch):
    monkeypatch.setattr(function.store._client, "batch_get_item", refused)
    asked = {
        "resource": "/v1/decisions/{transaction_id}",
        "httpMethod": "GET",
        "pathParameters": {"transaction_id": "t1"},
    }
    return lambda: function.handler(asked, CONTEXT)


def record_labels(function, monkeypatch):
    monkeypatch.setattr(function._dynamodb, "batch_get_item", refused)
    return lambda: function.handler(queued(label(), label(transaction_id="t2")), CONTEXT)


@pytest.mark.parametrize(
    ("name", "failing", "concerned"),
    [
        ("accept", accept, {"transaction_ids": ["t1", "t2"]}),
        # nothing of a request is logged
        ("api", api, {"error": "ClientError", "transaction_ids": None}),
        ("archive", archive, {"transaction_ids": ["t1"]}),
        ("archive", archive_of_decisions, {"without_id": ["decisions-0@12"]}),
        ("decide", decide, {"transaction_ids": ["t1", "t2"]}),
        ("ingest_features", ingest_features, {"transaction_ids": ["t1", "t2"]}),
        ("record_labels", record_labels, {"transaction_ids": ["t1", "t2"]}),
        ("watch", watch, {"transaction_ids": ["t1", "t2"], "message_id": "m1"}),
    ],
)
def test_a_line_names_its_request_and_the_transactions_concerned(logged, monkeypatch, name, failing, concerned):
    function, lines = logged(name)
    call = failing(function, monkeypatch)
    with suppress(WholeBatchFailedError):
        call()
    first = lines()
    assert first
    assert {(line["function_request_id"], line["cold_start"], line["service"]) for line in first} == {
        (REQUEST_ID, True, name)
    }
    assert {key: first[0].get(key) for key in concerned} == concerned
    with suppress(WholeBatchFailedError):
        call()
    assert [line["cold_start"] for line in lines()[len(first) :]] == [False] * len(first)


def test_what_a_call_says_is_not_said_by_the_next(logged, monkeypatch):
    function, lines = logged("watch")
    watch(function, monkeypatch)()
    said = len(lines())
    function.handler(
        {"Records": [{"messageId": "m2", "body": "5", "attributes": {}, "eventSource": "aws:sqs"}]}, CONTEXT
    )
    assert "transaction_ids" not in lines()[said]


@pytest.mark.parametrize(
    "name",
    ["catch_up", "clean_up", "create_topics", "extend_features", "first_model", "place_file", "start_stream"],
)
def test_a_line_of_a_custom_resource_names_its_request(logged, answers, name):
    function, lines = logged(name)
    function.handler(request("Unknown", answers), CONTEXT)  # whatever becomes of it
    assert {line["function_request_id"] for line in lines()} == {REQUEST_ID}
    assert (lines()[0]["cold_start"], lines()[0]["resource"]) == (True, "Topics")


def test_a_verdict_names_its_request(logged, aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    metrics = {"rows": 9, "frauds": 0, "average_precision": None, "recall_at_fpr_0.001": None}
    evaluation = {"model_version": "new", "metrics": metrics, "champion": None}
    s3.put_object(Bucket="models", Key="e.json", Body=json.dumps(evaluation).encode())
    function, lines = logged("gate")
    function.handler({"evaluation_key": "e.json", "champion": None}, CONTEXT)
    [line] = lines()
    assert (line["function_request_id"], line["model_version"]) == (REQUEST_ID, "new")


def test_what_is_said_of_the_champion_names_its_request(logged, aws):
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud")
    function, lines = logged("champion")
    function.handler({}, CONTEXT)
    [line] = lines()
    assert (line["function_request_id"], line["why"]) == (REQUEST_ID, "no model is approved")


def test_a_run_that_is_not_kept_names_its_request(logged, aws):
    function, lines = logged("track_run")
    event = {"run": "run-1", "model": "s3://models/model.tar.gz", "evaluation_key": "e.json", "verdict": {}}
    function.handler(event, CONTEXT)
    [line] = lines()
    assert (line["function_request_id"], line["run"]) == (REQUEST_ID, "run-1")
    assert "s3://models/model.tar.gz: NoSuchBucket" in line["why"]


@pytest.mark.parametrize(
    ("name", "body"), [*((name, TEST_EVENT) for name in ("train_model", "predict_batch")), ("start_transform", "5")]
)
def test_what_is_said_of_an_object_names_its_request_and_message(logged, name, body):
    function, lines = logged(name)
    function.processor.raise_on_entire_batch_failure = False
    messages = [{"messageId": "m1", "body": body, "attributes": {}, "eventSource": "aws:sqs"}]
    function.handler({"Records": messages}, CONTEXT)
    [line] = lines()
    assert (line["function_request_id"], line["message_id"]) == (REQUEST_ID, "m1")


def test_what_is_said_of_an_upload_names_its_request(logged, monkeypatch):
    function, lines = logged("start_crawl")
    monkeypatch.setattr(function.glue, "start_crawler", lambda **_: None)
    function.handler({"Records": [{"messageId": "m1", "body": "5"}]}, CONTEXT)
    assert {line["function_request_id"] for line in lines()} == {REQUEST_ID}
    assert lines()[-1]["messages"] == ["m1"]


def test_what_is_said_of_publishing_names_its_request(logged, monkeypatch):
    function, lines = logged("publish_detector")
    step = SimpleNamespace(done=False, says="the training goes on")
    monkeypatch.setattr(function, "publish", lambda *_: step)
    function.handler({"version": "1.01"}, CONTEXT)
    [line] = lines()
    assert (line["function_request_id"], line["says"]) == (REQUEST_ID, "the training goes on")


def test_every_function_is_tried_here():
    tried = {
        "api",
        "accept",
        "archive",
        "decide",
        "ingest_features",
        "watch",
        "record_labels",
        "catch_up",
        "clean_up",
        "create_topics",
        "extend_features",
        "first_model",
        "place_file",
        "start_stream",
        "gate",
        "champion",
        "track_run",
        "start_crawl",
        "start_transform",
        "train_model",
        "predict_batch",
        "publish_detector",
    }
    assert tried == ENVIRONMENTS.keys()
