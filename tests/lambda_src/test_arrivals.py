"""The functions `train_model` and `predict_batch`: each object that arrives is acted on once, by either function and back end."""

from __future__ import annotations

import json
from random import Random

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.exceptions import ClientError

from lambda_src.object_events import told
from samples.s3 import TEST_EVENT, record, s3_message
from tests.card_number_cases import CARD, readable
from tests.lambda_src.arrivals import BACK_ENDS, NONE, PREFIXES


@pytest.fixture(
    params=[(name, kind) for name in PREFIXES for kind in BACK_ENDS], ids=lambda each: f"{each[0]}, {each[1]}"
)
def batch(request, load, aws):
    name, kind = request.param
    return BACK_ENDS[kind](name, load, aws)


def test_an_object_is_acted_on(batch):
    assert batch.process(s3_message(batch.put())) == NONE
    assert batch.acted == [f"s3://batch/{batch.key('a')}"]


@pytest.mark.parametrize("name", ["a b", "a+b", "100%", "a%2Bb", "größe-数"])
def test_any_name_is_acted_on(batch, name):
    assert batch.process(s3_message(batch.put(name))) == NONE
    assert batch.acted == [f"s3://batch/{batch.key(name)}"]


def test_a_message_that_comes_again_acts_no_second_time(batch):
    message = s3_message(batch.put())
    for _ in range(3):
        assert batch.process(message, message) == NONE
    batch.end()
    assert batch.process(message) == NONE
    assert len(batch.acted) == 1


def test_a_test_event_is_skipped(batch):
    assert batch.process(TEST_EVENT) == NONE
    assert batch.acted == []


def test_an_object_that_was_deleted_meanwhile_is_skipped(batch):
    message = s3_message(batch.put())
    batch.s3.delete_object(Bucket="batch", Key=batch.key("a"))
    assert batch.process(message) == NONE
    assert batch.acted == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "out of order"])
def test_of_an_object_that_was_overwritten_the_newest_version_is_acted_on(batch, order):
    messages = [s3_message(batch.put(body=body)) for body in (b"old", b"new")]
    for place in order:
        assert batch.process(messages[place]) == NONE
    assert len(batch.acted) == 1
    [name] = batch.names
    assert told(messages[1]).arrived[0].identity in name


def test_other_objects_are_skipped(batch):
    others = [f"other/a{batch.suffix}", f"{batch.prefix}a.json", batch.key("in/a"), batch.key(""), batch.key("a" * 201)]
    for key in others:
        batch.s3.put_object(Bucket="batch", Key=key, Body=b"rows")
    assert batch.process(*(s3_message(record(key)) for key in others)) == NONE
    elsewhere = record(batch.key("a"), bucket="elsewhere")
    assert batch.process(s3_message(elsewhere), s3_message(record("gone", event="ObjectRemoved:Delete"))) == NONE
    assert batch.acted == []


def test_a_poison_message_comes_again_alone(batch):
    good = s3_message(batch.put())
    assert batch.process("no JSON", good) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(batch.acted) == 1


@pytest.mark.parametrize("place", range(3))
def test_what_the_back_end_refuses_comes_again(batch, place, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    message = s3_message(batch.put())
    batch.refused[batch.acts] = batch.refusals[place]
    with pytest.raises(BatchProcessingError):
        batch.process(message)
    assert batch.acted == []
    batch.refused.clear()
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
    batch.put(CARD)
    batch.process(s3_message(record(batch.key(CARD)), record(f"{CARD}", event="ObjectRemoved:Delete")))
    assert batch.acted == []
    said = [json.dumps(vars(line), default=str) for line in caplog.records]
    assert any("its key holds a card number" in line for line in said)
    assert not any(readable(line) for line in said)


@pytest.mark.slow
def test_each_of_a_thousand_is_acted_on_exactly_once(batch, caplog):
    """Each message twice, in any order, some overwritten and some deleted meanwhile, in batches of ten; what fails comes again.

    Amazon Fraud Detector takes one training and one job at a time: what comes during a training is acted on by saying so.
    """
    random = Random(5)
    batch.go_on(0.002 if batch.name == "train_model" else 0.9)
    names = [f"{number:04} + %" for number in range(1_000)]
    messages = [s3_message(batch.put(name)) for name in names]
    overwritten, deleted = names[:50], names[50:100]
    messages += [s3_message(batch.put(name, b"other rows")) for name in overwritten]
    for name in deleted:
        batch.s3.delete_object(Bucket="batch", Key=batch.key(name))
    messages += [*messages, TEST_EVENT]
    random.shuffle(messages)
    while messages:
        now, messages = messages[:10], messages[10:]
        try:
            failed = batch.process(*now)["batchItemFailures"]
        except BatchProcessingError:
            failed = [{"itemIdentifier": f"m{place}"} for place in range(len(now))]
        messages += [now[int(one["itemIdentifier"][1:])] for one in failed]
    standing = {f"s3://batch/{batch.key(name)}" for name in names if name not in deleted}
    said = [vars(line) for line in caplog.records if line.message == "acted"]
    assert {line["object"] for line in said} == standing
    assert len(batch.acted) == len(set(batch.acted))
    left = {line["object"] for line in said if line["done"].startswith("not trained on")} - set(batch.acted)
    assert set(batch.acted) == standing - left
    assert not left or (batch.name, batch.suffix) == ("train_model", ".csv")
