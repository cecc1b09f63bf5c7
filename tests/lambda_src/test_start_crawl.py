"""The function `start_crawl`: each upload that ends is crawled, none twice without need, none is lost while a crawl goes on."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from samples.kafka import EVENTS
from samples.lambda_context import CONTEXT
from tests.lambda_src.conftest import REGION

NONE = {"batchItemFailures": []}


class Crawler:
    """Glue's StartCrawler: it runs once at a time."""

    def __init__(self):
        self.started, self.runs, self.fails = 0, False, None

    def register(self, events):
        events.register("before-call.glue.StartCrawler", self._start)

    def _start(self, params, **_):
        assert json.loads(params["body"]) == {"Name": "files"}
        code = self.fails or ("CrawlerRunningException" if self.runs else None)

        class Response:
            status_code = 400 if code else 200

        if code is None:
            self.started, self.runs = self.started + 1, True
        error = {"Error": {"Code": code, "Message": "no"}} if code else {}
        return Response, {**error, "ResponseMetadata": {"HTTPStatusCode": Response.status_code}}


@pytest.fixture
def crawler(aws):
    crawler = Crawler()
    crawler.register(aws.events)
    return crawler


@pytest.fixture
def uploaded(aws):
    """Puts files and their manifest, and gives the message that EventBridge sends of it."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(name="u1", files=("input/a b+%.csv",), manifest=None):
        for file in files:
            s3.put_object(Bucket="raw", Key=file, Body=b"x")
        said = manifest or json.dumps({"files": [{"key": file} for file in files], "columns": "kaggle"})
        s3.put_object(Bucket="raw", Key=f"uploads/{name}.json", Body=said.encode())
        detail = {"bucket": {"name": "raw"}, "object": {"key": f"uploads/{name}.json", "size": 5, "etag": "e"}}
        return message(name, {"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    put.s3 = s3
    return put


def message(identity, body):
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    return shape | {"messageId": identity, "body": body if isinstance(body, str) else json.dumps(body)}


def test_an_upload_that_has_ended_is_crawled(load, crawler, uploaded):
    assert load("start_crawl").handler({"Records": [uploaded()]}, CONTEXT) == NONE
    assert crawler.started == 1


def test_uploads_that_end_together_are_crawled_once(load, crawler, uploaded):
    messages = [uploaded(f"u{number}", [f"input/{number}.csv"]) for number in range(5)]
    assert load("start_crawl").handler({"Records": messages}, CONTEXT) == NONE
    assert crawler.started == 1


def test_while_a_crawl_goes_on_an_upload_comes_again_and_is_not_lost(load, crawler, uploaded):
    function, crawler.runs, later = load("start_crawl"), True, uploaded()
    for _ in range(3):
        assert function.handler({"Records": [later]}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "u1"}]}
    crawler.runs = False
    assert function.handler({"Records": [later]}, CONTEXT) == NONE
    assert crawler.started == 1


def test_an_upload_whose_files_were_transformed_meanwhile_is_skipped(load, crawler, uploaded):
    gone, half = uploaded(), uploaded("u2", ["input/c.csv", "input/d.csv"])
    uploaded.s3.delete_object(Bucket="raw", Key="input/a b+%.csv")
    uploaded.s3.put_object(Bucket="raw", Key="input/a b+%.csv.2", Body=b"another")
    uploaded.s3.delete_object(Bucket="raw", Key="input/c.csv")
    function = load("start_crawl")
    assert function.handler({"Records": [gone]}, CONTEXT) == NONE
    assert crawler.started == 0
    assert function.handler({"Records": [gone, half]}, CONTEXT) == NONE
    assert crawler.started == 1


@pytest.mark.parametrize(
    "manifest", ["", "{", "[]", '{"files": 5}', '{"files": [5]}', '{"files": [{}]}', '{"files": null}']
)
def test_what_is_no_manifest_is_crawled_all_the_same(load, crawler, uploaded, manifest):
    assert load("start_crawl").handler({"Records": [uploaded(manifest=manifest or " ")]}, CONTEXT) == NONE
    assert crawler.started == 1


@pytest.mark.parametrize("body", ["", "no JSON", "5", "{}", '{"detail": {"bucket": "raw"}}'])
def test_what_is_no_event_is_crawled_all_the_same(load, crawler, uploaded, body):
    assert load("start_crawl").handler({"Records": [message("m1", body)]}, CONTEXT) == NONE
    assert crawler.started == 1


def test_what_glue_refuses_comes_again(load, crawler, uploaded, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    crawler.fails = "OperationTimeoutException"
    with pytest.raises(ClientError, match="OperationTimeoutException"):
        load("start_crawl").handler({"Records": [uploaded()]}, CONTEXT)
