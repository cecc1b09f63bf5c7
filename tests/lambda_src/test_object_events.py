"""What S3 tells of objects, parsed: keys of all kinds, versions, duplicates, what is no new object, what is no message of it."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_src.object_events import Arrived, UnreadableMessageError, told
from samples.s3 import TEST_EVENT, record, s3_message

KEYS = [
    "glue_transformed/train/a b.parquet",
    "glue_transformed/train/a+b.parquet",
    "glue_transformed/train/a%20b.parquet",
    "glue_transformed/train/100%.parquet",
    "glue_transformed/train/größe-数.parquet",
    "glue_transformed/train/a=1&b=2;c?d#e.parquet",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_that_which_was_put(key):
    [arrived] = told(s3_message(record(key))).arrived
    assert (arrived.key, arrived.bucket, arrived.uri) == (key, "batch", f"s3://batch/{key}")


@given(st.text(min_size=1, max_size=40).filter(lambda key: key.isprintable()))
def test_any_key_comes_back(key):
    [arrived] = told(s3_message(record(key))).arrived
    assert arrived.key == key


def test_the_fields_of_a_record():
    [arrived] = told(s3_message(record("k", version="v1", etag="e1", size=7, sequencer="0A"))).arrived
    assert arrived == Arrived("batch", "k", "v1", "e1", "0A", 7)


def test_an_object_has_one_identity_whatever_tells_of_it():
    first, again = (told(s3_message(record("k", sequencer=each))).arrived[0] for each in ("01", "02"))
    assert first.identity == again.identity
    others = [
        record("k2"), record("k", version="v2"), record("k", bucket="other"),
        record("k", version=None, etag="e1"), record("k", version=None, etag="e2"),
    ]  # fmt: skip
    identities = {told(s3_message(each)).arrived[0].identity for each in others}
    assert len(identities | {first.identity}) == 6


def test_a_bucket_without_versions_says_none():
    for version in (None, ""):
        assert told(s3_message(record("k", version=version))).arrived[0].version is None


def test_a_message_that_names_an_object_twice_names_one():
    arrived = told(s3_message(record("a"), record("b"), record("a"))).arrived
    assert [each.key for each in arrived] == ["a", "b"]


def test_what_is_no_new_object_is_skipped_and_said():
    assert told(TEST_EVENT) == ([], ["s3:TestEvent of the bucket batch"])
    message = s3_message(record("gone", event="ObjectRemoved:DeleteMarkerCreated"), record("here"))
    assert [each.key for each in told(message).arrived] == ["here"]
    assert told(message).skipped == ["ObjectRemoved:DeleteMarkerCreated of gone"]


@pytest.mark.parametrize("event", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_an_object_is_new_however_it_was_made(event):
    assert len(told(s3_message(record("k", event=f"ObjectCreated:{event}"))).arrived) == 1


def without(name):
    made = record("k")
    del made["s3"]["object"][name]
    return made


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no Records"),
        ('{"Records": []}', "no Records"),
        ('{"Records": [5]}', "record 0: eventSource"),
        (s3_message(record("a"), record("k") | {"eventSource": "aws:sns"}), "record 1: eventSource"),
        (s3_message(record("k") | {"eventVersion": "3.0"}), "record 0: eventVersion; allowed: 2.x"),
        (s3_message(without("key")), "object.key: missing; allowed: text"),
        (s3_message(without("eTag")), "object.eTag: missing; allowed: text"),
        (s3_message(record("k", version=5)), "versionId or size"),
        (s3_message(record("k")).replace('"k"', '"%FF"'), "object.key: no UTF-8"),
    ],
)
def test_what_is_no_message_of_s3s_is_named(body, says):
    with pytest.raises(UnreadableMessageError, match="allowed: ") as raised:
        told(body)
    assert says in str(raised.value)


def test_a_later_minor_version_of_the_structure_is_read():
    made = record("k") | {"eventVersion": "2.9", "glacierEventData": {}}
    assert len(told(json.dumps({"Records": [made], "more": 1})).arrived) == 1


def test_keys_come_encoded_as_in_a_form():
    assert json.loads(s3_message(record("a b+c")))["Records"][0]["s3"]["object"]["key"] == quote_plus("a b+c", safe="/")
