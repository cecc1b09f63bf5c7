"""Whole events with anything in them: no record's content or metadata fails its neighbours.

What a producer can write into a topic, a queue or a table is drawn at random and put between valid records. Each valid record
is processed, each other one is kept with its reason, and nothing is raised.
"""

from __future__ import annotations

import io
import json
from base64 import b64encode
from itertools import count
from math import isnan

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.features.nightly_records import nightly_record, population_records
from samples.deciding_world import (
    CARDS,
    MOMENT,
    POPULATION,
    card_record,
    feature_message,
    transaction_message,
    write_model,
)
from samples.labels import label, queued
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint
from tests.fraud.test_deciding import StandInStore
from tests.lambda_src.test_archive import decision, stream_event

ANY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = count(1_000)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
IMPOSSIBLE = st.sampled_from(
    [None, -1, 0, MOMENT // 1_000, MOMENT * 1_000, MOMENT * 1_000_000, 2**63 - 1, -(2**63), 10**400, True, "1767225600000"]
) | st.floats()  # fmt: skip
"""Times that no record can have: missing, before 1970, in seconds, microseconds, nanoseconds, of other types."""

HEADERS = (
    st.none() | JSON | st.lists(st.dictionaries(st.text(max_size=8), st.lists(st.integers(-128, 255)), max_size=2))
)
NOT_BASE64 = (
    st.sampled_from(["e30", "e3=0", "é", "{}", "\x00", "====", "e30=\n"])
    | st.integers()
    | st.booleans()
    | st.lists(JSON)
)
FLAWED = st.one_of(
    st.binary(max_size=300).filter(lambda value: value not in (b"{}", b"") and b"transaction_id" not in value),
    st.sampled_from(
        [b"{" * 70_000, b"[" * 9_000, b"\xff" * 100, b"null", b"1" * 5_000, b'{"cc_num": "4111111111111111"}']
    ),
    JSON.filter(lambda value: value not in ({}, None)).map(lambda value: json.dumps({"note": value}).encode()),
)
NOWHERE = st.lists(st.sampled_from(["topic", "partition", "offset", "key", "headers", "timestampType"]), max_size=3)


@st.composite
def kafka_events(draw, message, *, clock):
    """(event, ids of the valid records, how many of the others must be kept). `clock`: whether a record's own time counts."""
    records, valid, kept = [], set(), 0
    for _ in range(draw(st.integers(1, 6))):
        number = next(numbers)
        fields = {
            "topic": "topic", "partition": 0, "offset": number, "timestamp": MOMENT, "timestampType": draw(st.text(max_size=3)),
            "key": draw(st.none() | st.text(max_size=8)), "headers": draw(HEADERS),
            "value": b64encode(message(number)).decode(),
        }  # fmt: skip
        kind = draw(st.sampled_from(["valid", "valid", "time", "value", "base64", "record", "heartbeat"]))
        if kind == "time":
            fields["timestamp"] = draw(IMPOSSIBLE)
        elif kind == "value":
            fields["value"] = b64encode(draw(FLAWED)).decode()
        elif kind == "base64":
            fields["value"] = draw(NOT_BASE64)
        elif kind == "heartbeat":
            fields["value"] = draw(st.sampled_from([None, "e30="]))
        if kind == "valid" or (kind == "time" and not clock):
            valid.add(f"t{number}")
        elif kind != "heartbeat":
            kept += 1
        for name in draw(NOWHERE):
            fields.pop(name, None)
        records.append(draw(st.integers() | st.text(min_size=1) | st.lists(JSON)) if kind == "record" else fields)
    event = {"eventSource": "aws:kafka", "records": {draw(st.sampled_from(["topic-0", "topic", "", "a-b-7"])): records}}
    return event, valid, kept


class Kept:
    """A bucket: what was put since it was last looked at."""

    def __init__(self):
        self.objects = {}

    def put_object(self, Bucket, Key, Body, ContentType):  # noqa: N803 - the service's names
        assert Key not in self.objects, "one object in place of another"
        self.objects[Key] = Body

    def taken(self):
        content, self.objects = self.objects, {}
        return content


@pytest.fixture
def kept():
    return Kept()


def lines_of(content):
    """The quarantine's lines; each says why, and holds no card number."""
    lines = [
        json.loads(line)
        for key, text in content.items()
        if key.startswith("quarantine/")
        for line in text.decode().splitlines()
    ]
    assert all("; allowed: " in line["reason"] for line in lines)
    assert not any("4111111111111111" in json.dumps(line) for line in lines)
    return lines


def ids_of(content, prefix):
    tables = [pq.read_table(io.BytesIO(body)) for key, body in content.items() if key.startswith(prefix)]
    return {row["transaction_id"] for table in tables for row in table.to_pylist()}


def test_accept(load, kept, monkeypatch):
    accept = load("accept")
    accept.quarantine._client = kept
    bodies = []
    monkeypatch.setattr(accept.queue._client, "send_message", lambda **given: bodies.append(given["MessageBody"]))

    @ANY
    @given(kafka_events(transaction_message, clock=True))
    def check(drawn):
        event, valid, others = drawn
        bodies.clear()
        assert accept.handler(event, CONTEXT) == {"batchItemFailures": []}
        assert {json.loads(message)["transaction_id"] for body in bodies for message, _ in json.loads(body)} == valid
        assert len(lines_of(kept.taken())) == others

    check()


def test_archive_of_transactions(load, kept):
    archive = load("archive")
    archive.transactions._client = archive.quarantine._client = kept

    @ANY
    @given(kafka_events(transaction_message, clock=True))
    def check(drawn):
        event, valid, _ = drawn
        assert archive.handler(event, CONTEXT) == {"batchItemFailures": []}
        content = kept.taken()
        assert ids_of(content, "transactions/") == valid
        assert lines_of(content) == []  # `accept` keeps them

    check()


@pytest.mark.slow
def test_decide(load, aws, feature_store, kept, tmp_path):
    Endpoint(write_model(tmp_path / "model")).register(aws.events)
    for card in CARDS:
        feature_store.put("cc-agg-batch-fg", nightly_record(card, card_record(MOMENT)))
    for record in population_records(POPULATION, MOMENT):
        feature_store.put("cc-agg-batch-fg", record)
    decide = load("decide")
    decide.quarantine._client = kept
    decide.deciding.store = store = StandInStore()

    @ANY
    @given(kafka_events(feature_message, clock=False))
    def check(drawn):
        event, valid, others = drawn
        store.kept.clear()
        assert decide.handler(event, CONTEXT) == {"batchItemFailures": []}
        assert store.kept.keys() == valid
        assert len(lines_of(kept.taken())) == others

    check()


def test_ingest_features(load, feature_store):
    ingest = load("ingest_features")

    @ANY
    @given(kafka_events(feature_message, clock=False))
    def check(drawn):
        event, valid, _ = drawn
        feature_store.groups.clear()
        assert ingest.handler(event, CONTEXT) == {"batchItemFailures": []}
        cards = {CARDS[int(identifier[1:]) % len(CARDS)] for identifier in valid}
        assert feature_store.groups["cc-agg-fg"].keys() == cards

    check()


ITEMS = st.one_of(
    JSON.filter(lambda value: value is not None),
    st.tuples(FLAWED.map(lambda value: value.decode(errors="replace")), st.just(MOMENT)),
    st.tuples(
        st.just(transaction_message(1).decode()),
        IMPOSSIBLE.filter(lambda value: not isinstance(value, float) or not isnan(value)),
    ),
)


@st.composite
def queue_events(draw):
    """(event, ids of the valid transactions, message ids that must fail, whether all do)."""
    records, valid, failing = [], set(), set()
    for place in range(draw(st.integers(1, 4))):
        items, flawed = [], False
        for _ in range(draw(st.integers(0, 3))):
            number = next(numbers)
            if draw(st.booleans()):
                items.append((transaction_message(number).decode(), MOMENT))
                valid.add(f"t{number}")
            else:
                items.append(draw(ITEMS))
                flawed = True
        whole = draw(st.booleans())
        body = json.dumps(items) if whole else draw(st.sampled_from(["", "{", "5", '{"a": 1}', "null"]))
        if not whole:
            valid -= {f"t{json.loads(item[0])['transaction_id'][1:]}" for item in items if _is_valid(item)}
        attributes = draw(st.sampled_from([{}, {"ApproximateReceiveCount": "1"}, {"ApproximateReceiveCount": "7"}]))
        records.append({"messageId": f"m{place}", "body": body, "attributes": attributes, "eventSource": "aws:sqs"})
        if flawed or not whole:
            failing.add(f"m{place}")
    return {"Records": records}, valid, failing


def _is_valid(item):
    return isinstance(item, tuple) and item[1] == MOMENT and item[0].startswith('{"transaction_id": "t')


def test_watch(load, monkeypatch):
    watch = load("watch")
    store = StandInStore()
    monkeypatch.setattr(watch, "store", store)
    watch.processor.raise_on_entire_batch_failure = (
        False  # when all fail all come again, which is no answer but an error
    )

    @ANY
    @given(queue_events())
    def check(drawn):
        event, valid, failing = drawn
        store.kept.clear()
        answer = watch.handler(event, CONTEXT)
        assert {each["itemIdentifier"] for each in answer["batchItemFailures"]} == failing
        assert store.kept.keys() == valid

    check()


@st.composite
def stream_events(draw):
    """(event, ids of the decisions that were added, how many changes must be kept)."""
    records, valid, kept = [], set(), 0
    for _ in range(draw(st.integers(1, 5))):
        number = next(numbers)
        [record] = stream_event(decision(number))["Records"]
        change = record["dynamodb"]
        change["SequenceNumber"] = str(number)
        fields = json.loads(change["NewImage"]["decision"]["S"])
        kind = draw(st.sampled_from(["valid", "valid", "time", "field", "text", "image", "change", "removed"]))
        if kind == "time":
            fields[draw(st.sampled_from(["trans_time", "decided_at"]))] = draw(
                IMPOSSIBLE.filter(lambda value: not isinstance(value, float) or not isnan(value))
            )
        elif kind == "field":
            name = draw(st.sampled_from(["amount_cents", "score", "model_version", "reasons"]))
            texts = ["\ud800"] if name == "model_version" else ["much", 2**80]
            fields[name] = draw(st.sampled_from([{"a": 1}, [[]], *texts]))
        change["NewImage"]["decision"]["S"] = (
            json.dumps(fields) if kind != "text" else draw(st.sampled_from(["", "{", "[]", "5", "{}"]))
        )
        if kind == "image":
            change["NewImage"] = draw(JSON)
        elif kind == "change":
            record["dynamodb" if draw(st.booleans()) else "eventName"] = draw(JSON)
        elif kind == "removed":
            record = {"eventName": draw(st.sampled_from(["REMOVE", "MODIFY"]))}
        for name in draw(
            st.lists(st.sampled_from(["SequenceNumber", "Keys", "ApproximateCreationDateTime"]), max_size=2)
        ):
            change.pop(name, None)
        if kind == "valid":
            valid.add(f"t{number}")
        elif kind != "removed":
            kept += 1
        records.append(record)
    return {"Records": records}, valid, kept


def test_archive_of_decisions(load, kept):
    archive = load("archive")
    archive.decisions._client = archive.quarantine._client = kept

    @ANY
    @given(stream_events())
    def check(drawn):
        event, valid, others = drawn
        assert archive.handler(event, CONTEXT) == {"batchItemFailures": []}
        content = kept.taken()
        assert ids_of(content, "decisions/") == valid
        assert len(lines_of(content)) == others

    check()


@st.composite
def label_events(draw):
    """(event, the valid labels, how many messages must be kept)."""
    details, valid, kept = [], set(), 0
    for _ in range(draw(st.integers(1, 6))):
        good = label(transaction_id=f"t{next(numbers)}", is_fraud=draw(st.booleans()))
        kind = draw(st.sampled_from(["valid", "valid", "detail", "field", "body"]))
        if kind == "valid":
            details.append(good)
            valid.add(good)
            continue
        kept += 1
        fields = json.loads(good.to_json())
        name = draw(st.sampled_from([*fields, "note"]))
        value = draw(JSON.filter(lambda value: value not in (True, False) and not isinstance(value, str)))
        body = st.sampled_from(["", "{", "5", "null", "[" * 9_000, '{"detail": "4111111111111111"}'])
        flawed = {"detail": JSON, "field": st.just({**fields, name: value}), "body": body}
        details.append(draw(flawed[kind]))
    return queued(*details), valid, kept


def test_record_labels(load, kept, table, labels_table):
    function = load("record_labels")
    function.archive._client = function.quarantine._client = kept

    @ANY
    @given(label_events())
    def check(drawn):
        event, valid, others = drawn
        assert function.handler(event, CONTEXT) == {"batchItemFailures": []}
        content = kept.taken()
        assert ids_of(content, "labels/") == {each.transaction_id for each in valid}
        assert len(lines_of(content)) == others

    check()
