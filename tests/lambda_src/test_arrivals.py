"""The functions `train_model` and `predict_batch`: each object that arrives is acted on once, by either function and back end."""

from __future__ import annotations

import json
from random import Random

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.exceptions import ClientError

from lambda_src.object_events import told
from samples.kafka import EVENTS
from samples.lambda_context import CONTEXT
from samples.s3 import TEST_EVENT, record, s3_message
from tests.card_number_cases import CARD, readable
from tests.lambda_src.conftest import REGION

PREFIXES = {"train_model": "glue_transformed/train/", "predict_batch": "glue_transformed/batch_predict/"}
BACK_ENDS = ["sagemaker"]


class Batch:
    """A function, its bucket with versions, and what its back end was asked to do.

    Attributes:
        acted: the objects, one entry for each time that the back end acted.
    """

    def __init__(self, name, load, aws):
        self.prefix = PREFIXES[name]
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket="batch", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_bucket_versioning(Bucket="batch", VersioningConfiguration={"Status": "Enabled"})
        self.machines = Machines()
        self.machines.register(aws.events)
        self.function = load(name)

    @property
    def acted(self):
        return self.machines.started

    def put(self, name="a.parquet", body=b"rows"):
        """Puts an object, and gives the record that S3 tells of it with."""
        put = self.s3.put_object(Bucket="batch", Key=self.prefix + name, Body=body)
        return record(self.prefix + name, version=put["VersionId"], etag=put["ETag"].strip('"'))

    def process(self, *bodies):
        return self.function.handler(event(*bodies), CONTEXT)


class Machines:
    """Step Functions' StartExecution (its page): a name is taken once a machine, by a run with the same input for as long as it
    goes on without an error, else with ExecutionAlreadyExists."""

    def __init__(self):
        self.runs, self.ended, self.started, self.fails = {}, set(), [], None

    def register(self, events):
        events.register("before-call.sfn.StartExecution", self._start)

    def _start(self, params, **_):
        asked = json.loads(params["body"])
        if self.fails:
            return self._answer({"__type": self.fails, "message": "no"}, 400)
        assert len(asked["name"]) <= 80
        known = self.runs.get(asked["name"])
        if known is not None and (known != asked["input"] or asked["name"] in self.ended):
            return self._answer({"__type": "ExecutionAlreadyExists", "message": "taken"}, 400)
        if known is None:
            self.started.append(json.loads(asked["input"])["transactions"])
            self.runs[asked["name"]] = asked["input"]
        return self._answer({"executionArn": "arn", "startDate": 0.0}, 200)

    @staticmethod
    def _answer(body, status):
        class Response:
            status_code = status

        parsed = body if status == 200 else {"Error": {"Code": body["__type"], "Message": body["message"]}}
        return Response, {**parsed, "ResponseMetadata": {"HTTPStatusCode": status}}


def event(*bodies):
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    return {"Records": [shape | {"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]}


@pytest.fixture(
    params=[(name, kind) for name in PREFIXES for kind in BACK_ENDS], ids=lambda each: f"{each[0]}, {each[1]}"
)
def batch(request, load, aws):
    name, _ = request.param
    return Batch(name, load, aws)


NONE = {"batchItemFailures": []}


def test_an_object_is_acted_on(batch):
    assert batch.process(s3_message(batch.put())) == NONE
    assert batch.acted == [f"s3://batch/{batch.prefix}a.parquet"]


@pytest.mark.parametrize("name", ["a b.parquet", "a+b.parquet", "100%.parquet", "a%2Bb.parquet", "größe-数.parquet"])
def test_any_name_is_acted_on(batch, name):
    assert batch.process(s3_message(batch.put(name))) == NONE
    assert batch.acted == [f"s3://batch/{batch.prefix}{name}"]


def test_a_message_that_comes_again_acts_no_second_time(batch):
    message = s3_message(batch.put())
    for _ in range(3):
        assert batch.process(message, message) == NONE
    batch.machines.ended |= batch.machines.runs.keys()
    assert batch.process(message) == NONE
    assert len(batch.acted) == 1


def test_a_test_event_is_skipped(batch):
    assert batch.process(TEST_EVENT) == NONE
    assert batch.acted == []


def test_an_object_that_was_deleted_meanwhile_is_skipped(batch):
    message = s3_message(batch.put())
    batch.s3.delete_object(Bucket="batch", Key=f"{batch.prefix}a.parquet")
    assert batch.process(message) == NONE
    assert batch.acted == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "out of order"])
def test_of_an_object_that_was_overwritten_the_newest_version_is_acted_on(batch, order):
    messages = [s3_message(batch.put(body=body)) for body in (b"old", b"new")]
    for place in order:
        assert batch.process(messages[place]) == NONE
    assert len(batch.acted) == 1
    [name] = batch.machines.runs
    assert told(messages[1]).arrived[0].identity in name


def test_other_objects_are_skipped(batch):
    others = ["other/a.parquet", f"{batch.prefix}a.csv", f"{batch.prefix}in/a.parquet", f"{batch.prefix}.parquet"]
    others += [f"{batch.prefix}{'a' * 201}.parquet"]
    for key in others:
        batch.s3.put_object(Bucket="batch", Key=key, Body=b"rows")
    assert batch.process(*(s3_message(record(key)) for key in others)) == NONE
    elsewhere = record(f"{batch.prefix}a.parquet", bucket="elsewhere")
    assert batch.process(s3_message(elsewhere), s3_message(record("gone", event="ObjectRemoved:Delete"))) == NONE
    assert batch.acted == []


def test_a_poison_message_comes_again_alone(batch):
    good = s3_message(batch.put())
    assert batch.process("no JSON", good) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(batch.acted) == 1


@pytest.mark.parametrize("refusal", ["ThrottlingException", "StateMachineDeleting", "AccessDeniedException"])
def test_what_the_back_end_refuses_comes_again(batch, refusal, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    message = s3_message(batch.put())
    batch.machines.fails = refusal
    with pytest.raises(BatchProcessingError):
        batch.process(message)
    batch.machines.fails = None
    assert batch.process(message) == NONE
    assert len(batch.acted) == 1


def test_storage_that_says_something_else_of_an_object_is_asked_again(batch, monkeypatch):
    def refused(**_):
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    message = s3_message(batch.put())
    with monkeypatch.context() as patched:
        patched.setattr(batch.function.s3, "head_object", refused)
        with pytest.raises(BatchProcessingError):
            batch.process(message)
    assert batch.process(message) == NONE
    assert len(batch.acted) == 1


def test_a_key_that_holds_a_card_number_is_skipped_and_not_said(batch, caplog):
    batch.put(f"{CARD}.parquet")
    batch.process(s3_message(record(f"{batch.prefix}{CARD}.parquet"), record(f"{CARD}", event="ObjectRemoved:Delete")))
    assert batch.acted == []
    said = [json.dumps(vars(line), default=str) for line in caplog.records]
    assert any("its key holds a card number" in line for line in said)
    assert not any(readable(line) for line in said)


@pytest.mark.slow
def test_each_of_a_thousand_is_acted_on_exactly_once(batch):
    """Each message twice, in any order, some overwritten and some deleted meanwhile, in batches of ten."""
    random = Random(5)
    names = [f"{number:04} + %.parquet" for number in range(1_000)]
    messages = [s3_message(batch.put(name)) for name in names]
    overwritten, deleted = names[:50], names[50:100]
    messages += [s3_message(batch.put(name, b"other rows")) for name in overwritten]
    for name in deleted:
        batch.s3.delete_object(Bucket="batch", Key=batch.prefix + name)
    messages += [*messages, TEST_EVENT]
    random.shuffle(messages)
    for first in range(0, len(messages), 10):
        assert batch.process(*messages[first : first + 10]) == NONE
    expected = {f"s3://batch/{batch.prefix}{name}" for name in names} - {
        f"s3://batch/{batch.prefix}{name}" for name in deleted
    }
    assert sorted(batch.acted) == sorted(expected)
