"""Each test has an AWS of its own: moto where it has the service, stand-ins behind botocore where it does not."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.loaders import Loader, create_loader
from botocore.session import Session
from moto import mock_aws

from fraud.decision import Decision
from lambda_src.ports import clients
from samples.environments import ENVIRONMENTS
from samples.stand_ins import FeatureStore
from tests.lambda_src.cloudformation import Answers
from tests.lambda_src.limits import refuse_over_limits

REGION = "eu-west-1"
TO_STAND_INS = {"core": {"passthrough": {"urls": [r".*runtime.*sagemaker.*"]}}}


class Aws:
    """What was asked of AWS.

    Attributes:
        calls: `service.Operation` of each call; those of the clients given here do not count.
        published: the entries of every PutEvents that was sent.
        events: botocore's hooks.
    """

    def __init__(self, loader: Loader) -> None:
        self.calls: list[str] = []
        self.published: list[dict[str, Any]] = []
        self.session, self._own = Session(), Session()
        for session in (self.session, self._own):
            session.register_component("data_loader", loader)
        self.events = self.session.get_component("event_emitter")
        self.events.register("before-call", self._called)
        self.events.register("before-parameter-build", refuse_over_limits)

    def _called(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        self.calls.append(f"{model.service_model.service_name}.{model.name}")
        if model.name == "PutEvents":
            self.published += json.loads(params["body"])["Entries"]

    def client(self, service: str) -> Any:
        return self._own.create_client(service, region_name=REGION)


@pytest.fixture(scope="session")
def loader() -> Loader:
    """Reads each service's model once for all tests."""
    return create_loader()


@pytest.fixture
def aws(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(config=TO_STAND_INS):
        aws = Aws(loader)
        monkeypatch.setattr(clients, "session", aws.session)
        boto3.setup_default_session(botocore_session=aws.session)
        yield aws
        boto3.DEFAULT_SESSION = None


@pytest.fixture
def load(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Imports a function's handler as Lambda does, under its environment; `changes` replace variables."""
    loaded: list[str] = []

    def load_handler(function: str, **changes: str) -> ModuleType:
        for name, value in (ENVIRONMENTS[function] | changes).items():
            monkeypatch.setenv(name, value)
        name = f"lambda_src.{function}.handler"
        for known in (name, "lambda_src.telemetry", "lambda_src.decision_metrics", "lambda_src.arrivals"):
            sys.modules.pop(known, None)
        loaded.append(name)
        return importlib.import_module(name)

    yield load_handler
    for name in loaded:
        sys.modules.pop(name, None)


@pytest.fixture
def feature_store(aws: Aws) -> FeatureStore:
    store = FeatureStore()
    store.register(aws.events)
    return store


@pytest.fixture
def table(aws: Aws) -> Any:
    """A client of dynamodb, and in it the table `decisions`."""
    client = aws.client("dynamodb")
    client.create_table(
        TableName="decisions",
        KeySchema=[{"AttributeName": "transaction_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "transaction_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def labels_table(aws: Aws) -> Any:
    """A client of dynamodb, and in it the table `labels`."""
    client = aws.client("dynamodb")
    names = ("transaction_id", "label_id")
    client.create_table(
        TableName="labels",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def decisions(table: Any) -> dict[str, Decision]:
    """What the table holds."""
    items = table.scan(TableName="decisions")["Items"]
    return {item["transaction_id"]["S"]: Decision.from_json(item["decision"]["S"]) for item in items}


@pytest.fixture
def bus(aws: Aws) -> list[dict[str, Any]]:
    """What was published on the bus `decided`."""
    aws.client("events").create_event_bus(Name="decided")
    return aws.published


@pytest.fixture
def bucket(aws: Aws) -> Any:
    """The bucket `archive`: a function that gives {key: content} of it."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": REGION})

    def read() -> dict[str, bytes]:
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="archive").get("Contents", [])]
        return {key: s3.get_object(Bucket="archive", Key=key)["Body"].read() for key in keys}

    return read


@pytest.fixture
def quarantined(bucket: Any) -> Any:
    """The same for JSON lines, parsed."""
    return lambda: {key: [json.loads(line) for line in text.splitlines()] for key, text in bucket().items()}


@pytest.fixture
def answers() -> Iterator[Answers]:
    """CloudFormation's side of custom resources."""
    received: list[tuple[str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Answers(f"http://127.0.0.1:{server.server_address[1]}/answer?signed=1", received)
        server.shutdown()
